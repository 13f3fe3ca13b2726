-- The progress of a partition's owner, and whether there is one, at one moment.
-- KEYS meta, log...
-- Returns { ms since its heartbeat or '', '1' if released, committed offsets or '', last ids }
local last = {}
for i = 2, #KEYS do last[i - 1] = last_id(KEYS[i]) end
local had = redis.call('HMGET', KEYS[1], 'heartbeat', 'released', 'offsets')
return { had[1] and now_ms() - tonumber(had[1]) or '', had[2] or '', had[3] or '', last }
