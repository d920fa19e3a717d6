import { type Script, script } from '../../connection/script.ts'

/**
 * Reads a stream by the list of its positions, whose last one is that of its last version. KEYS: log, streams, list. ARGV: name of the
 * stream, from (a version, or empty), most events, 'reverse' or empty. Places of events that are gone hold 0. Answers entries.
 */
export const streamScript: Script = script(`
local limit, reverse = tonumber(ARGV[3]), ARGV[4] == 'reverse'
local value = redis.call('HGET', KEYS[2], ARGV[1])
if not value or limit <= 0 then return {} end
local mark = string.find(value, '@', 1, true)
local last = tonumber(mark and string.sub(value, 1, mark - 1) or value)
local count = mark and 1 or redis.call('LLEN', KEYS[3])
local first = last - count + 1
local from = tonumber(ARGV[2])
if reverse then from = from and math.min(from, last) or last else from = from and math.max(from, first) or first end

local entries = {}
local function take(position)
  if position == '0' then return end
  local found = redis.call('XRANGE', KEYS[1], position, position, 'COUNT', 1)
  if found[1] then entries[#entries + 1] = found[1] end
end

if mark then
  if from == last then take(string.sub(value, mark + 1)) end
  return entries
end
local at = from - first
local step = 256
while #entries < limit and at >= 0 and at < count do
  local page
  if reverse then
    page = redis.call('LRANGE', KEYS[3], math.max(0, at - step + 1), at)
    for i = #page, 1, -1 do if #entries < limit then take(page[i]) end end
    at = at - step
  else
    page = redis.call('LRANGE', KEYS[3], at, at + step - 1)
    for i = 1, #page do if #entries < limit then take(page[i]) end end
    at = at + step
  end
end
return entries
`)
