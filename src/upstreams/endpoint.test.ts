import { expect, it } from 'vitest'
import { endpoint } from './endpoint.ts'

it.each([
  ['http://127.0.0.1:9', 'http://127.0.0.1:9', '/v1/chat/completions'],
  ['https://api.example.com/', 'https://api.example.com', '/v1/chat/completions'],
  ['https://api.example.com/v1', 'https://api.example.com', '/v1/chat/completions'],
  ['https://api.example.com/v1//', 'https://api.example.com', '/v1/chat/completions'],
  ['https://example.com/api/v1/', 'https://example.com', '/api/v1/chat/completions'],
  ['https://example.com/openai', 'https://example.com', '/openai/v1/chat/completions'],
  ['https://example.com/v1beta/openai/', 'https://example.com', '/v1beta/openai/chat/completions'],
  ['https://example.com/chat/completions', 'https://example.com', '/chat/completions'],
  [
    'https://example.com/x/v1?api-version=2',
    'https://example.com',
    '/x/v1/chat/completions?api-version=2',
  ],
])('endpoint finds the chat completions of %s', (url, origin, path) => {
  expect(endpoint(url)).toEqual({ origin, path })
})
