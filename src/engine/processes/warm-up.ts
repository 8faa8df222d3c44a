/**
 * A question that has a waiting process load and compile much of what its first turn needs: how full its (empty) context is. It asks no
 * API and leaves nothing in the conversation (contract test); nobody reads the answer.
 */
export const warmUpRequest = `${JSON.stringify({
  type: 'control_request',
  request_id: 'warm-up',
  request: { subtype: 'get_context_usage', detail: 'summary' },
})}\n`
