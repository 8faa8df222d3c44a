import { describe, expect, it } from 'vitest'
import { createRedactor } from './redact.ts'

describe('createRedactor', () => {
  it.each([
    ['key sk-ant-api03-abcDEF_123 end', 'key sk-[redacted] end'],
    ['Authorization: Bearer abc.def-ghi', 'Authorization: Bearer [redacted]'],
    ['{"x-api-key":"abc","a":1}', '{"x-api-key":"[redacted]","a":1}'],
    [String.raw`"{\"apiKey\":\"abc\"}"`, String.raw`"{\"apiKey\":\"[redacted]\"}"`],
    ['GET /?api_key=abc&x=1', 'GET /?api_key=[redacted]&x=1'],
    ['https://user:pass@x.example/', 'https://[redacted]@x.example/'],
  ])('takes the key out of %s', (text, clean) => {
    expect(createRedactor([])(text)).toBe(clean)
  })

  it.each([
    '"errorCode":"invalid_api_key","status":401',
    'a risk-assessment-of-tasks',
    'mail a@b.c',
  ])('leaves %s alone', (text) => expect(createRedactor([])(text)).toBe(text))

  it('takes known secrets out, also as JSON writes them, the longest first', () => {
    const redact = createRedactor(['pass"word', 'pass"word-and-more', '$&'])
    expect(redact('a pass"word-and-more b $& c')).toBe('a [redacted] b [redacted] c')
    expect(redact(JSON.stringify({ a: 'pass"word' }))).toBe('{"a":"[redacted]"}')
  })
})
