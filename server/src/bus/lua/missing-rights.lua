-- ARGV: commands as JSON arrays of texts.
-- Returns those that the user who runs this may not run, or that this server does not know, as their places in ARGV.
local missing = {}
for i, command in ipairs(ARGV) do
  local known, allowed = pcall(redis.acl_check_cmd, unpack(cjson.decode(command)))
  if not (known and allowed) then missing[#missing + 1] = i end
end
return missing
