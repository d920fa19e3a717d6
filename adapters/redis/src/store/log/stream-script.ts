import { type Script, script } from '../../connection/script.ts'

/**
 * Reads a stream by its positions, the last of which is that of its last version: older ones in a list, the newest beside its version.
 * KEYS: log, streams, list. ARGV: name of the stream, from (a version, or empty), most events, 'reverse' or empty. Places of events that are gone
 * hold 0. Answers entries.
 */
export const streamScript: Script = script(`
local limit, reverse = tonumber(ARGV[3]), ARGV[4] == 'reverse'
local value = redis.call('HGET', KEYS[2], ARGV[1])
if not value or limit <= 0 then return {} end
local mark = string.find(value, '@', 1, true)
local last = tonumber(string.sub(value, 1, mark - 1))
local tail = {}
for place in string.gmatch(string.sub(value, mark + 1), '%d+') do tail[#tail + 1] = place end
local listed = redis.call('LLEN', KEYS[3])
local count = listed + #tail
local first = last - count + 1
local from = tonumber(ARGV[2])
if reverse then from = from and math.min(from, last) or last else from = from and math.max(from, first) or first end

local entries = {}
local function take(position)
  if position == '0' or #entries >= limit then return end
  local found = redis.call('XRANGE', KEYS[1], position, position, 'COUNT', 1)
  if found[1] then entries[#entries + 1] = found[1] end
end

-- Places are counted from 0, first those of the list.
local at, step = from - first, 256
while #entries < limit and at >= 0 and at < count do
  if at >= listed then
    take(tail[at - listed + 1])
    at = reverse and at - 1 or at + 1
  elseif reverse then
    local page = redis.call('LRANGE', KEYS[3], math.max(0, at - step + 1), at)
    for i = #page, 1, -1 do take(page[i]) end
    at = at - #page
  else
    local page = redis.call('LRANGE', KEYS[3], at, at + step - 1)
    for i = 1, #page do take(page[i]) end
    at = at + #page
  end
end
return entries
`)
