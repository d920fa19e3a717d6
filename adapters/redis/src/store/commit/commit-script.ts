import { type Script, script } from '../../connection/script.ts'

/** '00' to '99', as Lua writes a table. */
const twoDigits = Array.from({ length: 100 }, (_, at) => `'${String(at).padStart(2, '0')}'`).join(',')

/**
 * Commits units, one after another, each whole or not at all. A script has no rollback, so each unit is judged before anything of it is
 * written. KEYS: log, meta, ids, streams, and the key that says which script of this store ran last.
 *
 * ARGV: prefix, birth, wake channel (empty: tell nobody), who commits, after which script it must run (empty: any), its own name (empty: none follows it),
 * a plan of numbers in JSON, and texts. The plan: how many streams, sources, events, units; whether ids come twice (1); whether each unit is
 * one event and nothing else (1); how large the largest event is. Then, if it is not, for each unit its count of events, or, where it has more than events, that count below zero less
 * one, of expectations and of documents; for each expectation: 1, number of the stream, version; or 2, version. In either case for each event: number of
 * the stream, of the source. For each document: 1 for a put, 2 for a delete. The texts: names of the streams, sources, ids of the events;
 * then in the order of the plan for an expectation of a document collection and id, for an event partition, time and stream, and the event, for a
 * put collection, id, body and index (JSON or empty), for a delete collection and id.
 *
 * Answers numbers: the first position, then for each unit 0 and a version an event; or 1, which expectation failed, the version found; or
 * 2 and position and version an event, where it was committed before; or 3 where an id belongs to another unit. 4 and a position may stand
 * before a unit: that of its first event, where positions had to jump.
 */
export const commitScript: Script = script(`
-- A local name is found quicker than a global one.
local args = ARGV
local log, meta, ids, streams = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix, call, try, find, sub, floor = args[1], redis.call, redis.pcall, string.find, string.sub, math.floor
local facts = call('HMGET', meta, 'born', 'position', 'largest', 'use')
if facts[1] ~= args[2] then return redis.error_reply('GONE the store is not the one that was opened') end
if args[5] ~= '' and call('GET', KEYS[5]) ~= args[5] then
  return redis.error_reply('AFTER the script before it has not run')
end
local position = tonumber(facts[2])
-- A broker keeps events by when they came, which their own time does not say: they may have waited long elsewhere.
local arrived
if facts[4] == 'broker' then
  local now = call('TIME')
  arrived = string.format('%.0f', now[1] * 1000 + floor(now[2] / 1000))
end
local plan = cjson.decode(args[7])
local S, Q, E, U = plan[1], plan[2], plan[3], plan[4]
local firstStream, firstSource, firstId = 7, 7 + S, 7 + S + Q
-- Where reading stands in the plan and among the texts.
local p, t = 7, firstId + E
local most = 5000

-- Lua takes longer to write a number than to do anything else with an event, so it writes the last two digits by a table.
local digits = {[0] = ${twoDigits}}
local function text(number)
  if number < 10 then return sub(digits[number], 2) end
  if number < 100 then return digits[number] end
  if number < 1000000000 then return string.format('%d', number) end
  return string.format('%.0f', number)
end
local before, hundreds = '', 0
local function placeText(number)
  local front = floor(number / 100)
  if front == 0 then return text(number) end
  if front ~= hundreds then
    hundreds = front
    before = text(front)
  end
  return before .. digits[number - front * 100]
end

local function fetch(key, from, count)
  if count == 0 then return {} end
  if count <= most then return call('HMGET', key, unpack(args, from + 1, from + count)) end
  local values = {}
  for start = 0, count - 1, most do
    local stop = math.min(start + most, count)
    local page = call('HMGET', key, unpack(args, from + start + 1, from + stop))
    for i = 1, stop - start do values[start + i] = page[i] end
  end
  return values
end

-- Of each stream: its version, its last positions as they are kept, and whether anything was added.
local versions, tails, touched = {}, {}, {}
local kept = fetch(streams, firstStream, S)
for i = 1, S do
  local value = kept[i]
  if value then
    local mark = find(value, '@', 1, true)
    versions[i] = tonumber(sub(value, 1, mark - 1))
    tails[i] = sub(value, mark + 1)
  else
    versions[i] = 0
    tails[i] = ''
  end
end

-- Of each id that somebody has used: lines of 'position source'.
local known = plan[5] == 1 and {} or nil
local places = fetch(ids, firstId, E)
for i = 1, E do
  if places[i] then
    known = known or {}
    known[args[firstId + i]] = places[i]
  end
end

local function placeOf(id, source)
  local lines = known[id]
  if not lines then return nil end
  for line in string.gmatch(lines, '[^\\n]+') do
    local mark = find(line, ' ', 1, true)
    if sub(line, mark + 1) == source then return sub(line, 1, mark - 1) end
  end
  return nil
end

-- The version is asked for seldom: it is read from the event itself.
local function versionAt(place)
  local entry = call('XRANGE', log, place, place, 'COUNT', 1)[1]
  return entry and string.match(entry[2][2], '%d+$') or '0'
end

local function docKey(collection) return prefix .. 'doc:' .. collection end

local function docVersion(collection, id)
  local value = call('HGET', docKey(collection), 'v:' .. id)
  if not value then return 0, '' end
  local mark = find(value, ' ', 1, true)
  if mark then return tonumber(sub(value, 1, mark - 1)), sub(value, mark + 1) end
  return tonumber(value), ''
end

local function eachIndex(collection, id, index, number, other)
  if index == '' then return end
  for _, entry in ipairs(cjson.decode(index)) do
    local name = ':' .. #collection .. ':' .. collection .. ':' .. entry[1]
    if entry[2] == 'n' then
      number(prefix .. 'num' .. name, entry[3], id)
    else
      -- The value, a byte 255 behind each of its bytes 0, then a byte 0, then the id: in the order of values, then ids.
      other(prefix .. 'txt' .. name, '0', string.gsub(entry[3], '%z', '\\0\\255') .. '\\0' .. id)
    end
  end
end
local function enter(key, score, member) call('ZADD', key, score, member) end
local function leave(key, score, member) call('ZREM', key, member) end

-- A stream's positions stand beside its version, where they cost least; every so many versions they move to a list of their own.
local mostKept = 12
local function spill(stream, tail)
  local list = {}
  for place in string.gmatch(tail, '%d+') do list[#list + 1] = place end
  call('RPUSH', prefix .. 'stream:' .. args[firstStream + stream], unpack(list))
end

-- Somebody else has written into the log: go on above what he wrote.
local function jump(message)
  if not find(message, 'equal or smaller', 1, true) then error(message, 0) end
  local info = call('XINFO', 'STREAM', log)
  for k = 1, #info, 2 do
    if info[k] == 'last-generated-id' then position = tonumber(string.match(info[k + 1], '^%d+')) end
  end
  if position > 9007199254740000 then error('ERR positions are used up', 0) end
  return placeText(position + 1)
end

local out, n = {text(position + 1)}, 1
local wrote, event = false, 0
local newIds, newCount = {}, 0

local function add(place, at, event)
  if arrived then return try('XADD', log, place, 'at', at, 'event', event, 'in', arrived) end
  return try('XADD', log, place, 'at', at, 'event', event)
end

-- Writes the next event. first: whether it is its unit's first, which alone may find the log changed by others.
local function append(first)
  local stream = plan[p + 1]
  local version = versions[stream] + 1
  local number, place = text(version), placeText(position + 1)
  local answer = add(place, args[t + 1] .. number, args[t + 2])
  if type(answer) == 'table' then
    if not first then error(answer.err, 0) end
    place = jump(answer.err)
    answer = add(place, args[t + 1] .. number, args[t + 2])
    if type(answer) == 'table' then error(answer.err, 0) end
    out[n], out[n + 1], out[n + 2] = 4, place, 0
    n = n + 2
  end
  position = position + 1
  versions[stream] = version
  touched[stream] = true
  local tail = tails[stream]
  if tail ~= '' then place = tail .. ' ' .. place end
  if version % mostKept == 0 then
    spill(stream, place)
    tails[stream] = ''
  else
    tails[stream] = place
  end
  n = n + 1
  out[n] = version
  p, t = p + 2, t + 2
end

local function remember(id, place, source)
  local line = place .. ' ' .. source
  if known then
    if known[id] then line = known[id] .. '\\n' .. line end
    known[id] = line
  end
  newIds[newCount + 1], newIds[newCount + 2] = id, line
  newCount = newCount + 2
end

-- The usual case: every unit is one event that nobody knows and that nothing is expected of.
local function simple()
  for i = 1, E do
    n = n + 1
    out[n] = 0
    local source = args[firstSource + plan[p + 2]]
    append(true)
    remember(args[firstId + i], placeText(position), source)
  end
  wrote = E > 0
end

-- Whether a unit was committed before (2), or its ids belong to others (3).
local function judgeIds(first, events)
  local repeated, seen = 0, {}
  for i = 1, events do
    local id, source = args[firstId + first + i], args[firstSource + plan[p + i * 2]]
    if placeOf(id, source) then repeated = repeated + 1 end
    local both = id .. '\\n' .. source
    if seen[both] then return 3 end
    seen[both] = true
  end
  if repeated == 0 then return nil end
  return repeated == events and 2 or 3
end

local function put(collection, id, body, newIndex)
  local version, index = docVersion(collection, id)
  if index ~= newIndex then eachIndex(collection, id, index, leave, leave) end
  local value = text(version + 1)
  if newIndex ~= '' then value = value .. ' ' .. newIndex end
  call('HSET', docKey(collection), 'v:' .. id, value, 'b:' .. id, body)
  if version == 0 then call('ZADD', prefix .. 'docs:' .. collection, '0', id) end
  if index ~= newIndex then eachIndex(collection, id, newIndex, enter, enter) end
end

local function delete(collection, id)
  local version, index = docVersion(collection, id)
  if version == 0 then return end
  eachIndex(collection, id, index, leave, leave)
  call('HDEL', docKey(collection), 'v:' .. id, 'b:' .. id)
  call('ZREM', prefix .. 'docs:' .. collection, id)
end

local function unit()
  local events, expects, documents = 1, 0, 0
  if plan[6] ~= 1 then
    events = plan[p + 1]
    if events >= 0 then
      p = p + 1
    else
      events, expects, documents = -events - 1, plan[p + 2], plan[p + 3]
      p = p + 3
    end
  end
  local first = event
  event = first + events

  -- The expectations are passed over at first, for what was committed before needs none of them.
  local expectP, expectT = p, t
  for i = 1, expects do
    if plan[p + 1] == 1 then
      p = p + 3
    else
      p = p + 2
      t = t + 2
    end
  end
  local answer = known and events > 0 and judgeIds(first, events)
  local eventP, eventT = p, t
  p, t = p + events * 2, t + events * 2
  local documentP, documentT = p, t
  p = p + documents
  for i = 1, documents do t = t + (plan[documentP + i] == 1 and 4 or 2) end

  if answer then
    n = n + 1
    out[n] = answer
    if answer == 2 then
      for i = 1, events do
        local place = placeOf(args[firstId + first + i], args[firstSource + plan[eventP + i * 2]])
        out[n + 1], out[n + 2] = place, versionAt(place)
        n = n + 2
      end
    end
    return
  end

  for i = 1, expects do
    local actual, wanted
    if plan[expectP + 1] == 1 then
      actual, wanted = versions[plan[expectP + 2]], plan[expectP + 3]
      expectP = expectP + 3
    else
      actual, wanted = docVersion(args[expectT + 1], args[expectT + 2]), plan[expectP + 2]
      expectP, expectT = expectP + 2, expectT + 2
    end
    if actual ~= wanted then
      out[n + 1], out[n + 2], out[n + 3] = 1, i, text(actual)
      n = n + 3
      return
    end
  end

  -- From here on everything is written.
  n = n + 1
  out[n] = 0
  local endP, endT = p, t
  p, t = eventP, eventT
  for i = 1, events do
    local source = args[firstSource + plan[p + 2]]
    append(i == 1)
    remember(args[firstId + first + i], placeText(position), source)
  end
  p, t = endP, endT
  for i = 1, documents do
    local collection, id = args[documentT + 1], args[documentT + 2]
    if plan[documentP + i] == 1 then
      put(collection, id, args[documentT + 3], args[documentT + 4])
      documentT = documentT + 4
    else
      delete(collection, id)
      documentT = documentT + 2
    end
  end
  wrote = wrote or events + documents > 0
end

local fine, failure = true, nil
if plan[6] == 1 and not known then
  fine, failure = pcall(simple)
else
  for u = 1, U do
    fine, failure = pcall(unit)
    if not fine then break end
  end
end

-- What all units have added to counters and indexes, at once. Owed also where one failed: the entries are there.
if newCount > 0 then
  for start = 1, newCount, most do
    call('HSET', ids, unpack(newIds, start, math.min(start + most - 1, newCount)))
  end
  local values, count = {}, 0
  for stream in pairs(touched) do
    values[count + 1] = args[firstStream + stream]
    values[count + 2] = text(versions[stream]) .. '@' .. tails[stream]
    count = count + 2
  end
  for start = 1, count, most do call('HSET', streams, unpack(values, start, math.min(start + most - 1, count))) end
  call('HSET', meta, 'position', text(position))
  if plan[7] > tonumber(facts[3] or '0') then call('HSET', meta, 'largest', text(plan[7])) end
end
if not fine then return redis.error_reply(type(failure) == 'table' and failure.err or tostring(failure)) end
if wrote and args[3] ~= '' then call('PUBLISH', args[3], args[4]) end
if args[6] ~= '' then call('SET', KEYS[5], args[6], 'PX', '60000') end
return out
`)
