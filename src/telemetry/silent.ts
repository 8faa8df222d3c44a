import type { Telemetry } from './events.ts'

/** Says nothing: for tests and for parts without an owner. */
export const silentTelemetry: Telemetry = {
  serverStarted() {},
  serverStopped() {},
  requestFinished() {},
  providerSwitched() {},
  providerState() {},
  webhookTried() {},
  processStarted() {},
  processEnded() {},
  warning() {},
  fault() {},
}
