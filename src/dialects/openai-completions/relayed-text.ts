type Json = Readonly<Record<string, unknown>>

/** What the model says in a chat completion or in a chunk of one, as an upstream wrote it. */
export function textOf(value: Json): string {
  const choices: unknown[] = Array.isArray(value.choices) ? value.choices : []
  return choices.map(textOfChoice).join('')
}

function textOfChoice(choice: unknown): string {
  if (!isObject(choice)) return ''
  const said = isObject(choice.delta) ? choice.delta : choice.message
  if (!isObject(said)) return ''
  // A model that declines says so in a field of its own, for which there is no place here.
  return [said.content, said.refusal].filter((text) => typeof text === 'string').join('')
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
