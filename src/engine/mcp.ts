import { lookup } from 'node:dns/promises'
