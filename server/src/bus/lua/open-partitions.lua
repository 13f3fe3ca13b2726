-- Gives the data a number of partitions, unless they have one.
-- KEYS cluster   ARGV number
-- Returns the number that they have
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[1])
return redis.call('HGET', KEYS[1], 'partitions')
