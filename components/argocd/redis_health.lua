-- Health of a Redis of the OT-CONTAINER-KIT operator, for which Argo CD has no check of its own: without one, what follows a
-- Redis would follow its object, not its pod.
--
-- The operator writes `state`. As long as it has written none there is nothing to wait for that would surely come.

local status = obj.status or {}
if obj.metadata ~= nil and obj.metadata.deletionTimestamp ~= nil then
  return { status = "Progressing", message = "is being deleted" }
end
if status.state == nil or status.state == "" or status.state == "Ready" then
  return { status = "Healthy", message = "" }
end
return { status = "Progressing", message = status.reason or status.state }
