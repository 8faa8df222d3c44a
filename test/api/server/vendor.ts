import { type ScriptedOpenAI, startScriptedOpenAI } from '../../scripted-openai/server.ts'
import { startTestServer, type TestServer } from '../../support/server.ts'

/**
 * A server with one fallback, `vendor`, which is asked whenever the model fails, however often it did before. Closing the server ends both.
 */
export async function startWithVendor(
  settings: Record<string, string> = {},
): Promise<{ server: TestServer; vendor: ScriptedOpenAI }> {
  const vendor = await startScriptedOpenAI()
  const server = await startTestServer({
    FALLBACK_API_NAME_1: 'vendor',
    FALLBACK_API_URL_1: vendor.url,
    BREAKER_FAILURES: '1000',
    ...settings,
  })
  const close = async (): Promise<void> => {
    await server.close()
    await vendor[Symbol.asyncDispose]()
  }
  return { server: { ...server, close, [Symbol.asyncDispose]: close }, vendor }
}
