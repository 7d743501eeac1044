/** What a member of an archive is; `fifo`, `char` and `block` are special files. */
export type MemberType = 'file' | 'folder' | 'symlink' | 'hardlink' | 'fifo' | 'char' | 'block'

/** One member as tar wrote it. Names are bytes, kept as latin1: a file system knows no encoding. */
export interface TarMember {
  /** Relative, as in the archive: `./etc/app.yaml`; a folder without its slash at the end. */
  name: string
  type: MemberType
  /** Permission bits, setuid, setgid and sticky among them. */
  mode: number
  uid: number
  gid: number
  /** As bytes too. */
  user: string
  group: string
  /** Length of the file on its disk, holes included; 0 for anything else. */
  bytes: number
  /** Seconds since 1970, as tar wrote it: `1795903200.953`. */
  mtime: string
  /** Of a link. */
  linksTo: string | undefined
  /** Of a device. */
  device: { major: number; minor: number } | undefined
  /** Extended attributes by name, access control lists among them; values are bytes as latin1. */
  xattrs: ReadonlyMap<string, string> | undefined
  /** Of a folder in an incremental archive: what is in it, see dumpdir.ts. */
  dumpdir: string | undefined
}
