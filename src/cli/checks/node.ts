import { isOlder } from '../../engine/binary.ts'
import { failure, ok, type Finding } from './check.ts'

/** The oldest Node that package.json allows. */
export const minimumNode = '20.19.0'

export function checkNode(version: string): Finding {
  return isOlder(version, minimumNode)
    ? failure('node', `Node ${version} is too old`, `Install Node ${minimumNode} or later.`)
    : ok('node', `Node ${version}`)
}
