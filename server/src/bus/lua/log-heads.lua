-- Where the logs of one partition stand.
-- KEYS meta, log...   ARGV topic...
-- Returns { epoch or '', last ids, trim marks or '', '1' if the epoch began under the lineage it was last proved
--      under }, the two in the middle with one value per topic
local last, trimmed = {}, {}
for i = 1, #ARGV do
  last[i] = last_id(KEYS[i + 1])
  trimmed[i] = redis.call('HGET', KEYS[1], 'trim:' .. ARGV[i]) or ''
end
local log = redis.call('HMGET', KEYS[1], 'epoch', 'lineage', 'begun')
return { log[1] or '', last, trimmed, log[3] and log[3] == log[2] and '1' or '' }
