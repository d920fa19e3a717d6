import { type Script, script } from '../connection/script.ts'

/**
 * Makes the store where there is none, and says what it is. KEYS: meta. ARGV: format, partitions to make it with, a new name for its birth, what
 * it is for. Answers format, partitions, birth, and what it is for.
 */
export const openScript: Script = script(`
local meta = KEYS[1]
local known = redis.call('HMGET', meta, 'format', 'partitions', 'born', 'use')
if known[1] then return known end
redis.call('HSET', meta, 'format', ARGV[1], 'partitions', ARGV[2], 'born', ARGV[3], 'use', ARGV[4], 'position', '0')
return {ARGV[1], ARGV[2], ARGV[3], ARGV[4]}
`)
