/** What comes out differently on purpose: `<session> / <step>` and why. A difference that is gone has to go from here too. */
export const differences: Readonly<Record<string, string>> = {
  'run in the foreground / docker run --network none --rm no-such-image:1 true': 'images are not pulled yet',
  'cp / docker cp cp:/d/f/x -':
    'Docker names the path on the host, which is no business of a client; ours is the path in the container',
  "exec / docker exec --privileged exec sh -c 'grep CapEff /proc/self/status'":
    'Docker asks for all that the kernel knows, which the kernel refuses to a daemon that has not all itself; ours gives what it may',
}
