/** The bytes of a stream with what differs from run to run made equal: ids, times and costs. */
export function withoutChance(text: string): string {
  return text
    .replaceAll(/"id":"(chatcmpl|cmpl)-[^"]+"/g, '"id":"$1-msg_1"')
    .replaceAll(/"(id|item_id)":"(resp|msg|rs|fc|ctc|ws)_[\da-f]{32}/g, `"$1":"$2_${hexId}`)
    .replaceAll(/"req_[\da-f]{32}"/g, `"req_${hexId}"`)
    .replaceAll(/"created(_at)?":\d+/g, '"created$1":1700000000')
    .replaceAll(/"completed_at":\d+/g, '"completed_at":1700000002')
    .replaceAll(
      /"session_id":"[\da-f-]{36}"/g,
      `"session_id":"00000000-0000-0000-0000-000000000000"`,
    )
    .replaceAll(/"(cost_usd|duration_ms|turns)":[\d.e-]+/g, '"$1":1')
}

/** An id of ours, where it is always the same. */
export const hexId = '0123456789abcdef0123456789abcdef'
