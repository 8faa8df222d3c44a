const words = 'lorem ipsum dolor sit amet '.repeat(30)

/** A whole answer of 1 kB. */
export const whole = {
  id: 'chatcmpl-bench',
  object: 'chat.completion',
  created: 1,
  model: 'bench',
  choices: [{ index: 0, message: { role: 'assistant', content: words }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1500, completion_tokens: 200, total_tokens: 1700 },
}

/** A stream of 50 events, without its end. */
export const events = [
  frame({ role: 'assistant', content: '' }),
  ...Array.from({ length: 48 }, (_, index) => frame({ content: `word ${index} ` })),
  frame({}, 'stop'),
]

export const done = 'data: [DONE]\n\n'

function frame(delta: object, finish: string | null = null): string {
  return `data: ${JSON.stringify({
    id: 'chatcmpl-bench',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'bench',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })}\n\n`
}
