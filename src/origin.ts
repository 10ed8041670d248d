/** Who asked for a command: goes into the metadata of every event that the command causes. */
export interface Origin {
  /** The HTTP request's id. */
  readonly requestId: string
  /** `POST /v1.41/containers/x/stop`; `shutdown of the daemon`; absent if the daemon asked for another reason. */
  readonly request?: string
  /** Peer of the unix socket, unix(7) SO_PEERCRED. */
  readonly uid?: number
  readonly pid?: number
}
