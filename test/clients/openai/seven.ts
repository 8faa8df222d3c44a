import { AzureOpenAI, OpenAI } from 'openai-7'
import { zodResponseFormat, zodTextFormat } from 'openai-7/helpers/zod'
import {
  type Major,
  type Place,
  apiVersion,
  Found,
  note,
  model,
  question,
  weather,
} from './major.ts'

/** `openai` 7. */
export function seven({ url, baseURL, apiKey }: Place): Major {
  const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 })
  const azure = new AzureOpenAI({
    endpoint: url,
    deployment: model,
    apiVersion,
    apiKey,
    maxRetries: 0,
  })
  const ask = { model, messages: [question] }
  return {
    errors: OpenAI,
    chat: (asked) => client.chat.completions.create({ ...ask, ...asked }),
    chunks: (asked) =>
      client.chat.completions.create({
        ...ask,
        ...asked,
        stream: true,
        stream_options: { include_usage: true },
      }),
    async stream() {
      const snapshots: string[] = []
      const stream = client.chat.completions.stream(ask)
      stream.on('content', (_, snapshot) => snapshots.push(snapshot))
      return { snapshots, whole: await stream.finalChatCompletion() }
    },
    runTools(asked, stream) {
      const params = { ...ask, tools: [weather(asked)] }
      const { completions } = client.chat
      return stream
        ? completions.runTools({ ...params, stream }).finalContent()
        : completions.runTools(params).finalContent()
    },
    async parse() {
      const { choices } = await client.chat.completions.parse({
        ...ask,
        response_format: zodResponseFormat(Found, 'found'),
      })
      return choices[0]?.message.parsed
    },
    respond: (input, previous_response_id) =>
      client.responses.create({
        model,
        input,
        ...(previous_response_id && { previous_response_id }),
      }),
    async respondStreamed() {
      const snapshots: string[] = []
      const stream = client.responses.stream({ model, input: question.content })
      stream.on('response.output_text.delta', ({ snapshot }) => snapshots.push(snapshot))
      return { snapshots, whole: await stream.finalResponse() }
    },
    async respondParsed() {
      const text = { format: zodTextFormat(Found, 'found') }
      const response = await client.responses.parse({ model, input: question.content, text })
      return response.output_parsed
    },
    azure: () => azure.chat.completions.create(ask),
    async models() {
      const ids: string[] = []
      for await (const { id } of client.models.list()) ids.push(id)
      return { ids, one: (await client.models.retrieve(model)).id }
    },
    async custom() {
      const stream = client.chat.completions.stream({ ...ask, tools: [note] })
      return (await stream.finalMessage()).tool_calls
    },
  }
}
