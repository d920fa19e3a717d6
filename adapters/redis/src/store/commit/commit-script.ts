import { type Script, script } from '../../connection/script.ts'

/**
 * Commits units, one after another, each whole or not at all. A script has no rollback, so each unit is judged before anything of it is written.
 *
 * KEYS: log, meta, ids, streams.
 * ARGV: prefix, birth, wake channel, who commits, how many streams S, how many events E, how many units; then S names of streams, E ids,
 * E sources; then the units. A unit is its count of events where it has nothing else, or the counts 'expectations,events,documents'; then
 * expectations (`s`, number of the stream, version | `d`, collection, id, version), events (number of the stream, partition, type, time, text), documents (`p`, collection, id, body, index as
 * JSON or empty | `x`, collection, id).
 *
 * Answers numbers: the first position, then for each unit 0 and a version an event; or 1, which expectation failed, the version found; or
 * 2 and position and version an event, where it was committed before; or 3 where an id belongs to another unit. 4 and a number may stand before a
 * unit: the position of its first event, where positions had to jump.
 */
export const commitScript: Script = script(`
local log, meta, ids, streams = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, call = ARGV[1], redis.call
local find, sub, floor = string.find, string.sub, math.floor
local facts = call('HMGET', meta, 'born', 'position')
if facts[1] ~= ARGV[2] then return redis.error_reply('GONE the store is not the one that was opened') end
local position = tonumber(facts[2])
local S, E, U = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local firstStream, firstId = 7, 7 + S
local firstSource = firstId + E
local at = firstSource + E
local most = 5000

local function text(number)
  if number < 100000000000000 then return number .. '' end
  return string.format('%.0f', number)
end

local function fetch(key, from, count)
  local values = {}
  for start = 0, count - 1, most do
    local stop = start + most
    if stop > count then stop = count end
    local page = call('HMGET', key, unpack(ARGV, from + start + 1, from + stop))
    if start == 0 and stop == count then return page end
    for i = 1, stop - start do values[start + i] = page[i] end
  end
  return values
end

-- What is known of every stream and id that is spoken of.
local versions, alone, added, touched = {}, {}, {}, {}
local counters = fetch(streams, firstStream, S)
for i = 1, S do
  local value = counters[i]
  if value then
    local mark = find(value, '@', 1, true)
    if mark then
      versions[i] = tonumber(sub(value, 1, mark - 1))
      alone[i] = sub(value, mark + 1)
    else
      versions[i] = tonumber(value)
    end
  else
    versions[i] = 0
  end
end
local known = {}
local places = fetch(ids, firstId, E)
for i = 1, E do
  if places[i] then known[ARGV[firstId + i]] = places[i] end
end
local newIds, newCount = {}, 0

-- 'position version source' of one id; several lines where several sources use it.
local function placeOf(id, source)
  local lines = known[id]
  if not lines then return nil end
  for line in string.gmatch(lines, '[^\\n]+') do
    local p, v, s = string.match(line, '^(%d+) (%d+) (.*)$')
    if s == source then return p, v end
  end
  return nil
end

local function docKey(collection) return prefix .. 'doc:' .. collection end

local function docVersion(collection, id)
  local value = call('HGET', docKey(collection), 'v:' .. id)
  if not value then return 0, '' end
  local mark = find(value, ' ', 1, true)
  if mark then return tonumber(sub(value, 1, mark - 1)), sub(value, mark + 1) end
  return tonumber(value), ''
end

local function indexKey(kind, collection, name)
  return prefix .. kind .. ':' .. #collection .. ':' .. collection .. ':' .. name
end

local function textMember(value, id)
  return string.gsub(value, '%z', '\\0\\255') .. '\\0' .. id
end

local function unindex(collection, id, index)
  if index == '' then return end
  for _, entry in ipairs(cjson.decode(index)) do
    if entry[2] == 'n' then
      call('ZREM', indexKey('num', collection, entry[1]), id)
    else
      call('ZREM', indexKey('txt', collection, entry[1]), textMember(entry[3], id))
    end
  end
end

local function reindex(collection, id, index)
  if index == '' then return end
  for _, entry in ipairs(cjson.decode(index)) do
    if entry[2] == 'n' then
      call('ZADD', indexKey('num', collection, entry[1]), entry[3], id)
    else
      call('ZADD', indexKey('txt', collection, entry[1]), '0', textMember(entry[3], id))
    end
  end
end

local out, n = {text(position + 1)}, 1
local wrote, event = false, 0

local function unit()
  local header = ARGV[at + 1]
  local expects, events, documents = 0, tonumber(header), 0
  if not events then
    local a, b, c = string.match(header, '^(%d+),(%d+),(%d+)$')
    expects, events, documents = tonumber(a), tonumber(b), tonumber(c)
  end
  at = at + 1
  local expectAt = at
  local eventAt = at
  for i = 1, expects do
    if ARGV[eventAt + 1] == 's' then eventAt = eventAt + 3 else eventAt = eventAt + 4 end
  end
  local documentAt = eventAt + events * 5
  at = documentAt
  for i = 1, documents do
    if ARGV[at + 1] == 'p' then at = at + 5 else at = at + 3 end
  end
  local firstEvent = event
  event = event + events

  -- 1. Was it committed before?
  local repeated, seen = 0, nil
  for i = 1, events do
    local id = ARGV[firstId + firstEvent + i]
    if known[id] and placeOf(id, ARGV[firstSource + firstEvent + i]) then repeated = repeated + 1 end
    if events > 1 then
      seen = seen or {}
      local both = ARGV[firstSource + firstEvent + i] .. '\\n' .. id
      if seen[both] then repeated = -events - 1 end
      seen[both] = true
    end
  end
  if repeated ~= 0 then
    if repeated ~= events then
      n = n + 1
      out[n] = 3
      return
    end
    n = n + 1
    out[n] = 2
    for i = 1, events do
      local p, v = placeOf(ARGV[firstId + firstEvent + i], ARGV[firstSource + firstEvent + i])
      out[n + 1], out[n + 2] = p, v
      n = n + 2
    end
    return
  end

  -- 2. Does everything stand as expected?
  for i = 1, expects do
    local actual, wanted
    if ARGV[expectAt + 1] == 's' then
      actual, wanted = versions[tonumber(ARGV[expectAt + 2])], tonumber(ARGV[expectAt + 3])
      expectAt = expectAt + 3
    else
      actual, wanted = docVersion(ARGV[expectAt + 2], ARGV[expectAt + 3]), tonumber(ARGV[expectAt + 4])
      expectAt = expectAt + 4
    end
    if actual ~= wanted then
      out[n + 1], out[n + 2], out[n + 3] = 1, i, text(actual)
      n = n + 3
      return
    end
  end

  -- 3. Write.
  local jump = nil
  local code = n + 1
  n = code
  for i = 1, events do
    local stream = tonumber(ARGV[eventAt + 1])
    local version = versions[stream] + 1
    local place = text(position + 1)
    local added1 = redis.pcall('XADD', log, place .. '-0', 'type', ARGV[eventAt + 3], 'stream', ARGV[firstStream + stream],
      'partition', ARGV[eventAt + 2], 'version', version, 'time', ARGV[eventAt + 4], 'event', ARGV[eventAt + 5])
    if type(added1) == 'table' and added1.err then
      if i > 1 or not find(added1.err, 'equal or smaller', 1, true) then error(added1.err, 0) end
      -- Somebody else has written into the log: go on above.
      local info = call('XINFO', 'STREAM', log)
      for k = 1, #info, 2 do
        if info[k] == 'last-generated-id' then position = tonumber(string.match(info[k + 1], '^%d+')) end
      end
      if position > 9007199254740000 then error('ERR positions are used up', 0) end
      place = text(position + 1)
      jump = place
      call('XADD', log, place .. '-0', 'type', ARGV[eventAt + 3], 'stream', ARGV[firstStream + stream],
        'partition', ARGV[eventAt + 2], 'version', version, 'time', ARGV[eventAt + 4], 'event', ARGV[eventAt + 5])
    end
    position = position + 1
    versions[stream] = version
    touched[stream] = true
    if version == 1 then
      alone[stream] = place
    else
      local list = added[stream]
      if not list then
        list = {}
        added[stream] = list
        if alone[stream] then
          list[1] = alone[stream]
          alone[stream] = nil
        end
      end
      list[#list + 1] = place
    end
    local id, line = ARGV[firstId + firstEvent + i], place .. ' ' .. version .. ' ' .. ARGV[firstSource + firstEvent + i]
    if known[id] then line = known[id] .. '\\n' .. line end
    known[id] = line
    newIds[newCount + 1], newIds[newCount + 2] = id, line
    newCount = newCount + 2
    n = n + 1
    out[n] = version
    eventAt = eventAt + 5
  end
  out[code] = 0
  if jump then
    table.insert(out, code, jump)
    table.insert(out, code, 4)
    n = n + 2
  end
  for i = 1, documents do
    local collection, id = ARGV[documentAt + 2], ARGV[documentAt + 3]
    local version, index = docVersion(collection, id)
    if ARGV[documentAt + 1] == 'p' then
      local newIndex = ARGV[documentAt + 5]
      if index ~= newIndex then unindex(collection, id, index) end
      call('HSET', docKey(collection), 'v:' .. id, newIndex == '' and version + 1 or (version + 1) .. ' ' .. newIndex,
        'b:' .. id, ARGV[documentAt + 4])
      if version == 0 then call('ZADD', prefix .. 'docs:' .. collection, '0', id) end
      if index ~= newIndex then reindex(collection, id, newIndex) end
      documentAt = documentAt + 5
    else
      if version > 0 then
        unindex(collection, id, index)
        call('HDEL', docKey(collection), 'v:' .. id, 'b:' .. id)
        call('ZREM', prefix .. 'docs:' .. collection, id)
      end
      documentAt = documentAt + 3
    end
  end
  wrote = wrote or events + documents > 0
end

local fine, failure = true, nil
for u = 1, U do
  fine, failure = pcall(unit)
  if not fine then break end
end

-- What all units have added to counters and indexes, at once. Owed also where one failed: the entries are there.
if newCount > 0 then
  for start = 1, newCount, most do
    call('HSET', ids, unpack(newIds, start, math.min(start + most - 1, newCount)))
  end
  call('HSET', meta, 'position', text(position))
  local values, count = {}, 0
  for stream in pairs(touched) do
    local name = ARGV[firstStream + stream]
    values[count + 1] = name
    values[count + 2] = alone[stream] and versions[stream] .. '@' .. alone[stream] or versions[stream]
    count = count + 2
    local list = added[stream]
    if list then
      local key = prefix .. 'stream:' .. name
      for start = 1, #list, most do call('RPUSH', key, unpack(list, start, math.min(start + most - 1, #list))) end
    end
  end
  for start = 1, count, most do call('HSET', streams, unpack(values, start, math.min(start + most - 1, count))) end
end
if wrote then call('PUBLISH', ARGV[3], ARGV[4]) end
if not fine then return redis.error_reply(type(failure) == 'table' and failure.err or tostring(failure)) end
return out
`)
