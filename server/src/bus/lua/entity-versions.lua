-- Compares the versions of entities with the highest that were ever stored under, and may raise those.
-- KEYS hash entity -> highest version   ARGV '1' to raise, else '0', then name and version of each entity
-- Returns name and highest version of each that is below it; nothing is raised then
local versions = KEYS[1]
local older = {}
for i = 2, #ARGV, 2 do
  local highest = redis.call('HGET', versions, ARGV[i])
  if highest and tonumber(highest) > tonumber(ARGV[i + 1]) then
    older[#older + 1] = ARGV[i]
    older[#older + 1] = highest
  end
end
if #older > 0 or ARGV[1] ~= '1' then return older end
for i = 2, #ARGV, 2 do redis.call('HSET', versions, ARGV[i], ARGV[i + 1]) end
return older
