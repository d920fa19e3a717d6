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

local function forgetPlace(stream, version, position)
  local value = call('HGET', streams, stream)
  if not value then return end
  local mark = find(value, '@', 1, true)
  if mark then
    if sub(value, mark + 1) ~= position then return end
    if forget then call('HDEL', streams, stream) else call('HSET', streams, stream, sub(value, 1, mark - 1)) end
    return
  end
  local list = prefix .. 'stream:' .. stream
  local count = call('LLEN', list)
  local at = version - (tonumber(value) - count) - 1
  if at < 0 or at >= count then return end
  if at > 0 then
    call('LSET', list, at, '0')
    return
  end
  call('LPOP', list)
  count = count - 1
  while count > 0 and call('LINDEX', list, 0) == '0' do
    call('LPOP', list)
    count = count - 1
  end
  if count == 0 and forget then call('HDEL', streams, stream) end
end

for i = 3, #ARGV, 5 do
  local position = ARGV[i]
  if call('XDEL', log, position .. '-0') == 1 then
    removed = removed + 1
    forgetId(ARGV[i + 1], position)
    forgetPlace(ARGV[i + 3], tonumber(ARGV[i + 4]), position)
  end
end
return removed
`)
