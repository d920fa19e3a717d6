import { type Script, script } from '../../connection/script.ts'

/**
 * One page of documents. KEYS: the collection's hash. ARGV: prefix, collection, how, most documents, beginning of ids, then for 'id' the
 * id; for 'all' the lowest id as a bound; for 'number' name, least, greatest, how many to skip; for 'text' name, 'equal' or 'any', value, how many to skip.
 * Answers where to go on ('' where nothing is left), and id, version with its index, and body of each.
 */
export const findScript: Script = script(`
local prefix, collection, how, limit, begin = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local call, find, sub = redis.call, string.find, string.sub
local documents, bytes, most = {}, 0, 8388608

local function take(id)
  local values = call('HMGET', KEYS[1], 'v:' .. id, 'b:' .. id)
  if not values[1] then return end
  local n = #documents
  documents[n + 1], documents[n + 2], documents[n + 3] = id, values[1], values[2]
  bytes = bytes + #values[2]
end

if how == 'id' then
  take(ARGV[6])
  return {'', documents}
end

if how == 'all' then
  local high = begin == '' and '+' or '(' .. begin .. '\\255'
  local page = call('ZRANGE', prefix .. 'docs:' .. collection, ARGV[6], high, 'BYLEX', 'LIMIT', 0, limit)
  for i = 1, #page do
    take(page[i])
    if bytes > most and i < #page then return {page[i], documents} end
  end
  return {#page < limit and '' or page[#page], documents}
end

-- A member of a text index is the value, a byte 255 behind each of its bytes 0, then a byte 0, then the id.
local function idIn(member)
  local from = 1
  while true do
    local zero = find(member, '%z', from)
    if string.byte(member, zero + 1) ~= 255 then return sub(member, zero + 1) end
    from = zero + 2
  end
end

local kind, order, low, high = 'num', 'BYSCORE', ARGV[7], ARGV[8]
if how == 'text' then
  kind, order, low, high = 'txt', 'BYLEX', '-', '+'
  if ARGV[7] == 'equal' then
    local value = string.gsub(ARGV[8], '%z', '\\0\\255')
    low, high = '[' .. value .. '\\0', '(' .. value .. '\\0\\255'
  end
end
local key = prefix .. kind .. ':' .. #collection .. ':' .. collection .. ':' .. ARGV[6]
local skip = tonumber(ARGV[9])
while true do
  local page = call('ZRANGE', key, low, high, order, 'LIMIT', skip, 256)
  for i = 1, #page do
    local id = how == 'text' and idIn(page[i]) or page[i]
    skip = skip + 1
    if sub(id, 1, #begin) == begin then take(id) end
    if #documents >= limit * 3 or bytes > most then return {skip .. '', documents} end
  end
  if #page < 256 then return {'', documents} end
end
`)
