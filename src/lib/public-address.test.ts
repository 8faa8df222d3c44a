import { describe, expect, it } from 'vitest'
import { isPublicAddress, isPublicOrPrivateAddress } from './public-address.ts'

/** [address, public, reachable when private networks are allowed] */
const table: [string, boolean, boolean][] = [
  ['8.8.8.8', true, true],
  ['1.1.1.1', true, true],
  ['172.15.255.255', true, true],
  ['172.32.0.1', true, true],
  ['100.63.255.255', true, true],
  ['100.128.0.1', true, true],
  ['10.0.0.1', false, true],
  ['172.16.0.1', false, true],
  ['172.31.255.255', false, true],
  ['192.168.1.1', false, true],
  ['127.0.0.1', false, true],
  ['127.255.255.254', false, true],
  ['100.64.0.1', false, true],
  ['100.100.100.200', false, false],
  ['169.254.169.254', false, false],
  ['169.254.0.1', false, false],
  ['0.0.0.0', false, false],
  ['0.1.2.3', false, false],
  ['224.0.0.1', false, false],
  ['239.255.255.255', false, false],
  ['240.0.0.1', false, false],
  ['255.255.255.255', false, false],
  ['192.0.0.192', false, false],
  ['192.0.2.1', false, false],
  ['192.88.99.1', false, false],
  ['198.18.0.1', false, false],
  ['198.51.100.1', false, false],
  ['203.0.113.1', false, false],
  ['2606:4700:4700::1111', true, true],
  ['2a00:1450:4001:81b::200e', true, true],
  ['::1', false, true],
  ['fc00::1', false, true],
  ['fd12:3456::1', false, true],
  ['fd00:ec2::254', false, false],
  ['::', false, false],
  ['fe80::1', false, false],
  ['fe80::1%eth0', false, false],
  ['fec0::1', false, false],
  ['ff02::1', false, false],
  ['2001:db8::1', false, false],
  ['3fff::1', false, false],
  ['100::1', false, false],
  ['5f00::1', false, false],
  ['4000::1', false, false],
  ['2001::1', false, false],
  ['2001:2::1', false, false],
  ['2002:7f00:1::', false, false],
  ['2002:808:808::1', false, false],
  ['::ffff:127.0.0.1', false, true],
  ['::ffff:7f00:1', false, true],
  ['::ffff:169.254.169.254', false, false],
  ['::ffff:8.8.8.8', true, true],
  ['::127.0.0.1', false, false],
  ['::8.8.8.8', false, false],
  ['64:ff9b::8.8.8.8', true, true],
  ['64:ff9b::10.0.0.1', false, true],
  ['64:ff9b::a9fe:a9fe', false, false],
  ['64:ff9b:1::8.8.8.8', false, false],
  ['0177.0.0.1', false, false],
  ['2130706433', false, false],
  ['0x7f000001', false, false],
  ['localhost', false, false],
  ['', false, false],
]

describe('isPublicAddress', () => {
  it.each(table)('judges %s as public: %s', (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected)
  })
})

describe('isPublicOrPrivateAddress', () => {
  it.each(table)(
    'judges %s as reachable when private networks are allowed',
    (...[address, , expected]) => {
      expect(isPublicOrPrivateAddress(address)).toBe(expected)
    },
  )
})
