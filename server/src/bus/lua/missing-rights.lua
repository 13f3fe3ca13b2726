-- ARGV: commands as JSON arrays of texts.
-- Returns the places in ARGV of those that the user who runs this may not run, negative where this server does not know it.
local missing = {}
for i, command in ipairs(ARGV) do
  local known, allowed = pcall(redis.acl_check_cmd, unpack(cjson.decode(command)))
  if not (known and allowed) then missing[#missing + 1] = known and i or -i end
end
return missing
