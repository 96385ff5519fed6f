-- Health of a child Application, by which its parent's sync decides whether the next wave may start.
--
-- status.health alone is not enough: it stays Healthy from before a change until Argo CD has looked again, and since 3.4
-- also while resources are missing (https://github.com/argoproj/argo-cd/issues/27917). Healthy here means: what is asked
-- for now has been compared, its sync has ended well (or nothing was left to sync), and its resources are healthy.
--
-- Progressing makes the parent wait, Degraded ends its sync at once; neither lets the next wave start. While the child
-- still retries, waiting is right: the parent goes on the moment the child succeeds. What will not get better without a
-- change is Degraded, because a parent that waits takes neither a newer commit nor a corrected spec, and would block its
-- own repair, whereas one that failed retries with the newest revision.

local function is_empty(value)
  if type(value) ~= "table" then
    return value == nil or value == false or value == ""
  end
  for _, item in pairs(value) do
    if not is_empty(item) then
      return false
    end
  end
  return true
end

-- Equal, where an empty value counts as a missing one: Argo CD drops empty fields when it copies a source into the status.
local function is_same(left, right)
  if type(left) ~= "table" or type(right) ~= "table" then
    return left == right or (is_empty(left) and is_empty(right))
  end
  for key, item in pairs(left) do
    if not is_same(item, right[key]) then
      return false
    end
  end
  for key, item in pairs(right) do
    if left[key] == nil and not is_empty(item) then
      return false
    end
  end
  return true
end

local function health(status, message)
  return { status = status, message = message or "" }
end

local spec = obj.spec or {}
local status = obj.status or {}
local sync = status.sync or {}
local operation = status.operationState or {}
local compared = sync.comparedTo or {}
local result = operation.syncResult

local function has_sources_of_spec(other)
  if not is_empty(spec.sources) then
    return is_same(spec.sources, other.sources)
  end
  return is_same(spec.source, other.source)
end

if obj.metadata ~= nil and obj.metadata.deletionTimestamp ~= nil then
  return health("Progressing", "is being deleted")
end

for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "InvalidSpecError" or condition.type == "ComparisonError" then
    return health("Degraded", condition.message)
  end
end

-- A sync that waits for its next attempt is Running too; its message says what went wrong.
if obj.operation ~= nil or operation.phase == "Running" or operation.phase == "Terminating" then
  return health("Progressing", operation.message or "sync has been requested")
end

if status.health == nil or status.health.status == nil then
  return health("Progressing", "has not been compared yet")
end

if not has_sources_of_spec(compared) or not is_same(spec.destination, compared.destination) then
  return health("Progressing", "has not been compared since its spec changed")
end

-- Without a result the sync ended before it knew its source; Argo CD does not try that again either.
local attempted = operation.phase ~= nil and (result == nil or has_sources_of_spec(result))

if attempted and (operation.phase == "Failed" or operation.phase == "Error") then
  return health("Degraded", operation.message)
end

-- A child that drifts for ever stays OutOfSync after a good sync; one whose objects were all there never syncs.
if sync.status ~= "Synced" and not (sync.status == "OutOfSync" and attempted and result ~= nil) then
  return health("Progressing", "has not been synced since its spec changed")
end

return health(status.health.status, status.health.message)
