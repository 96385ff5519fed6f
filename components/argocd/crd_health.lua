-- Health of a CustomResourceDefinition.
--
-- Argo CD's own check is Progressing until the CRD is established, some milliseconds after it was applied. But Argo CD
-- 3.5 does not look at an Application again when nothing but the status of its CRD changes: a sync that came too early by
-- those milliseconds waits for the next reconciliation, up to three minutes, and all later waves with it. So a CRD is
-- healthy here unless something is wrong with it; what needs it comes seconds later, and tries again.

local health = { status = "Healthy", message = "" }
if obj.metadata ~= nil and obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "is being deleted" }
end
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  if condition.type == "NamesAccepted" and condition.status == "False" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "NonStructuralSchema" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
end
return health
