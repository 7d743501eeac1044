import { expect, it } from 'vitest'
import { installAdvice } from './advice.ts'

it('names complete commands for Debian, Fedora and macOS, and only for what is missing', () => {
  expect(installAdvice(['postgresql', 'nats-server'], 'Because.')).toMatchInlineSnapshot(`
    "Missing on this machine: postgresql, nats-server.
    Because.

    Debian 12 or newer, Ubuntu 24.04 or newer:
        sudo apt-get update && sudo apt-get install -y postgresql nats-server
    Fedora:
        sudo dnf install -y postgresql-server postgresql-contrib golang
        sudo env GOBIN=/usr/local/bin go install github.com/nats-io/nats-server/v2@latest
    macOS (Homebrew):
        brew install postgresql@17 nats-server

    PostgreSQL 15, 16, 17 or 18 will do. Then run the same command again."
  `)
})

it('asks for no Go compiler when nats-server is there', () => {
  expect(installAdvice(['age'], 'Because.')).not.toMatch(/go|nats|postgresql-server/)
})
