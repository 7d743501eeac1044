import { z } from 'zod'

export const Listen = z.string().regex(/^[^\s:]*:\d{1,5}$/, 'host:port, e.g. 127.0.0.1:7461')
