import { type Script, script } from '../connection/script.ts'

/**
 * Sees to it that no position is given twice. A server that was started again, or a replica that took over, may have lost the last of what it
 * acknowledged, while readers are beyond it: what came now at their places they would never see. So positions go on far above wherever
 * the log may have been, once for each server. KEYS: meta. ARGV: birth, how far above. Answers the position above which it goes on;
 * empty: as before.
 *
 * `run_id` is another after each start, `master_replid` also where a replica becomes the primary or a primary a replica. A server that tells neither
 * is taken for the same always.
 */
export const serverScript: Script = script(`
local meta = KEYS[1]
local facts = redis.call('HMGET', meta, 'born', 'position', 'server')
if facts[1] ~= ARGV[1] then return '' end
local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
local server = (string.match(info, '\\nrun_id:(%w+)') or '') .. ' ' .. (string.match(info, '\\nmaster_replid:(%w+)') or '')
if facts[3] == server then return '' end
local position = tonumber(facts[2] or '0')
-- Nothing was ever written.
if not facts[3] and position == 0 then
  redis.call('HSET', meta, 'server', server)
  return ''
end
position = position + tonumber(ARGV[2])
if position > 9007199254740000 then return redis.error_reply('ERR positions are used up') end
local text = string.format('%.0f', position)
redis.call('HSET', meta, 'server', server, 'position', text)
return text
`)
