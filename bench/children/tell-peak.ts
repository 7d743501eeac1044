import { appendFileSync } from 'node:fs'

// Loaded before a program that ends by itself: its high-water mark is gone with it.
const file = process.env.TELL_PEAK_TO
if (file !== undefined)
  process.on('exit', () => {
    const peakBytes = process.resourceUsage().maxRSS * 1024
    appendFileSync(file, `${JSON.stringify({ program: process.argv[1], peakBytes })}\n`)
  })
