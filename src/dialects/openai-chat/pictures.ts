import type { ChatCompletionContentPartImage } from 'openai/resources/chat/completions'
import type { ImagePart } from '../../turn/message.ts'

export function encodePicture({ source }: ImagePart): ChatCompletionContentPartImage {
  const url = source.type === 'url' ? source.url : dataUrl(source)
  return { type: 'image_url', image_url: { url } }
}

/** `data` is base64. */
export function dataUrl({ mediaType, data }: { mediaType: string; data: string }): string {
  return `data:${mediaType};base64,${data}`
}
