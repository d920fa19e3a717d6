import { type Script, script } from '../../connection/script.ts'

/**
 * Removes events with everything that leads to them. KEYS: log, ids, streams. ARGV: prefix, 'forget' or 'keep' (whether streams of which nothing is
 * left stop counting), then for each event position, id, source, stream, version. Answers how many were there.
 */
export const removeScript: Script = script(`
local log, ids, streams = KEYS[1], KEYS[2], KEYS[3]
local prefix, forget = ARGV[1], ARGV[2] == 'forget'
local call, find, sub = redis.call, string.find, string.sub
local removed = 0

local function forgetId(id, position)
  local lines = call('HGET', ids, id)
  if not lines then return end
  if not find(lines, '\\n', 1, true) then
    if sub(lines, 1, #position + 1) == position .. ' ' then call('HDEL', ids, id) end
    return
  end
  local kept = {}
  for line in string.gmatch(lines, '[^\\n]+') do
    if sub(line, 1, #position + 1) ~= position .. ' ' then kept[#kept + 1] = line end
  end
  if #kept == 0 then call('HDEL', ids, id) else call('HSET', ids, id, table.concat(kept, '\\n')) end
end

-- A place in the middle becomes 0; those at the beginning go, so that counting back from the last version still meets the first.
local function forgetPlace(stream, version)
  local value = call('HGET', streams, stream)
  if not value then return end
  local mark = find(value, '@', 1, true)
  local last = sub(value, 1, mark - 1)
  local tail = {}
  for place in string.gmatch(sub(value, mark + 1), '%d+') do tail[#tail + 1] = place end
  local list = prefix .. 'stream:' .. stream
  local listed = call('LLEN', list)
  local at = version - (tonumber(last) - listed - #tail) - 1
  if at < 0 or at >= listed + #tail then return end
  if at < listed then call('LSET', list, at, '0') else tail[at - listed + 1] = '0' end
  while listed > 0 and call('LINDEX', list, 0) == '0' do
    call('LPOP', list)
    listed = listed - 1
  end
  if listed == 0 then
    while tail[1] == '0' do table.remove(tail, 1) end
  end
  if forget and listed + #tail == 0 then
    call('HDEL', streams, stream)
  else
    call('HSET', streams, stream, last .. '@' .. table.concat(tail, ' '))
  end
end

for i = 3, #ARGV, 5 do
  local position = ARGV[i]
  if call('XDEL', log, position .. '-0') == 1 then
    removed = removed + 1
    forgetId(ARGV[i + 1], position)
    forgetPlace(ARGV[i + 3], tonumber(ARGV[i + 4]))
  end
end
return removed
`)
