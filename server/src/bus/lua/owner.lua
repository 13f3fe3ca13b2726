-- The owner of a partition is whoever holds the token in its meta.
local function owns(meta, token) return redis.call('HGET', meta, 'token') == token end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Whether a heartbeat of that age is from a live owner. One in the future was written before the clock was set back.
local function is_fresh(age_ms, fresh_ms) return math.abs(age_ms) < fresh_ms end
