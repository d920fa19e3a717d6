import { type Script, script } from '../connection/script.ts'

/**
 * Makes the store where there is none, and says what it is. KEYS: meta. ARGV: format, partitions to make it with, a new name for its birth.
 * Answers format, partitions, birth.
 */
export const openScript: Script = script(`
local meta = KEYS[1]
local known = redis.call('HMGET', meta, 'format', 'partitions', 'born')
if known[1] then return known end
redis.call('HSET', meta, 'format', ARGV[1], 'partitions', ARGV[2], 'born', ARGV[3], 'position', '0')
return {ARGV[1], ARGV[2], ARGV[3]}
`)
