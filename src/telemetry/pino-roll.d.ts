declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'

  /** The part of a SonicBoom stream that we use. */
  export interface RollingStream extends EventEmitter {
    write(text: string): boolean
    end(): void
  }

  export default function build(options: {
    file: string
    size?: string
    frequency?: 'daily' | 'hourly'
    dateFormat?: string
    limit?: { count: number; removeOtherLogFiles?: boolean }
    mkdir?: boolean
    mode?: number
    sync?: boolean
  }): Promise<RollingStream>
}
