import { join } from 'node:path'
import { type ServiceName, type ServiceProcess, type ServiceStart, spawnService } from './processes.ts'

/** The running services of one world by instance name. */
export class ServiceHouse implements AsyncDisposable {
  readonly #logFolder: string
  readonly #starts = new Map<string, ServiceStart>()
  readonly #running = new Map<string, ServiceProcess>()

  constructor(folder: string) {
    this.#logFolder = join(folder, 'logs')
  }

  async start(
    service: ServiceName,
    opts: { as?: string; configPath: string; env?: Readonly<Record<string, string>> },
  ): Promise<ServiceProcess> {
    const name = opts.as ?? service
    const { configPath, env = {} } = opts
    return this.#launch({ service, name, configPath, env, logFolder: this.#logFolder })
  }

  get(name: string): ServiceProcess {
    const process = this.#running.get(name)
    if (process === undefined) throw new Error(`no ${name} was started in this world`)
    return process
  }

  async restart(name: string, signal: NodeJS.Signals): Promise<ServiceProcess> {
    await this.get(name).kill(signal)
    return this.#launch(this.#starts.get(name) as ServiceStart)
  }

  async #launch(start: ServiceStart): Promise<ServiceProcess> {
    if (this.#running.get(start.name)?.running)
      throw new Error(`${start.name} runs already; give the second another name`)
    const process = spawnService(start)
    this.#starts.set(start.name, start)
    this.#running.set(start.name, process)
    await process.ready()
    return process
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((process) => process[Symbol.asyncDispose]()))
  }
}
