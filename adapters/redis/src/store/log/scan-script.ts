import { type Script, script } from '../../connection/script.ts'

/**
 * Looks at the next entries of the log, and gives those that may match: what it passes over matches for certain not, what it gives is
 * judged again by whoever reads it. KEYS: log, meta. ARGV: after, up to, most entries to give, most to look at, most bytes, `head` to cut
 * data off, birth (empty: any), then pairs of a filter and its value: partition, type and category (each may come often), tenant, from, to, came (before that time, or where an entry does not say when it came, its event's time is), correlation (as JSON), holds (a part of the text), lacks.
 * Answers where looking ended, how many were looked at, and the entries.
 */
export const scanScript: Script = script(`
local after, upTo = tonumber(ARGV[1]), tonumber(ARGV[2])
local limit, most, bytes, headOnly = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == 'head'
local find, sub = string.find, string.sub
local facts = redis.call('HMGET', KEYS[2], 'position', 'born')
if ARGV[7] ~= '' and facts[2] ~= ARGV[7] then return redis.error_reply('GONE the store is not the one that was opened') end
local head = tonumber(facts[1] or '0')
if upTo > head then upTo = head end
if after >= upTo or limit <= 0 then return {ARGV[1], 0, {}} end

local partitions, types, categories, tenant, from, to, came, correlation
local holds, lacks = {}, {}
for i = 8, #ARGV, 2 do
  local kind, value = ARGV[i], ARGV[i + 1]
  if kind == 'partition' then
    partitions = partitions or {}
    partitions[value] = true
  elseif kind == 'type' then
    types = types or {}
    types[value] = true
  elseif kind == 'category' then
    categories = categories or {}
    categories[#categories + 1] = '\\31' .. value .. '\\31'
  elseif kind == 'tenant' then tenant = value .. '\\31'
  elseif kind == 'from' then from = tonumber(value)
  elseif kind == 'to' then to = tonumber(value)
  elseif kind == 'came' then came = tonumber(value)
  elseif kind == 'correlation' then correlation = value
  elseif kind == 'holds' then holds[#holds + 1] = value
  elseif kind == 'lacks' then lacks[#lacks + 1] = value
  end
end

local function dataIn(text)
  return find(text, ',"data":', 1, true) or find(text, ',"data_base64":"', 1, true)
end

local function matches(f)
  if f[1] ~= 'at' or f[3] ~= 'event' then return true end
  local at, text = f[2], f[4]
  local partition, time, stream = string.match(at, '^(%d+) (%S+) (.*) %d+$')
  if not partition then return true end
  if partitions and not partitions[partition] then return false end
  if tenant and sub(stream, 1, #tenant) ~= tenant then return false end
  if categories then
    local found = false
    for i = 1, #categories do
      if find(stream, categories[i], 1, true) then
        found = true
        break
      end
    end
    if not found then return false end
  end
  if from or to then
    time = tonumber(time)
    if time and (from and time < from or to and time >= to) then return false end
  end
  if came then
    local arrived = tonumber(f[5] == 'in' and f[6] or time)
    if arrived and arrived >= came then return false end
  end
  -- What stands in the exact part of an event is for the reader to judge.
  if sub(text, 1, 11) == '{"tidings":' then return true end
  if types then
    local type = string.match(text, ',"type":"([^"]*)"')
    if type and not types[type] and not find(type, '\\\\', 1, true) then return false end
  end
  -- Without another correlation an event is its own.
  if correlation and not find(text, '"correlationid":' .. correlation, 1, true)
    and not find(text, '"id":' .. correlation, 1, true) then return false end
  for i = 1, #holds do
    if not find(text, holds[i], 1, true) then return false end
  end
  local data = #lacks > 0 and dataIn(text)
  for i = 1, #lacks do
    local place = find(text, lacks[i], 1, true)
    if place and not (data and place > data) then return false end
  end
  return true
end

local function format(number)
  if number < 100000000000000 then return number .. '' end
  return string.format('%.0f', number)
end

local entries, count, looked, size = {}, 0, 0, 0
local start, stop = format(after + 1), format(upTo)
while looked < most do
  local chunk = math.min(128, most - looked)
  local page = redis.call('XRANGE', KEYS[1], start, stop, 'COUNT', chunk)
  for i = 1, #page do
    local id, f = page[i][1], page[i][2]
    looked = looked + 1
    if matches(f) then
      if headOnly and f[3] == 'event' then
        local data = dataIn(f[4])
        if data then f[4] = sub(f[4], 1, data - 1) .. '}' end
      end
      count = count + 1
      entries[count] = page[i]
      for k = 2, #f, 2 do size = size + #f[k] end
      if count >= limit or size > bytes then
        return {string.match(id, '^%d+'), looked, entries}
      end
    end
  end
  if #page < chunk then return {stop, looked, entries} end
  -- Ids that are not ours may share their first half with one that is.
  start = format(tonumber(string.match(page[#page][1], '^%d+')) + 1)
end
return {format(tonumber(start) - 1), looked, entries}
`)
