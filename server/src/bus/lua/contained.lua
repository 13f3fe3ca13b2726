-- Runs one part of a call by itself: what fails in it fails no other one. Returns its reply, or { 'ERROR', message }
local function contained(run, ...)
  local ran, reply = pcall(run, ...)
  if ran then return reply end
  return { 'ERROR', type(reply) == 'table' and reply.err or tostring(reply) }
end
