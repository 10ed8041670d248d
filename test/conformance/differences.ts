/** What comes out differently on purpose: `<session> / <step>` and why. A difference that is gone has to go from here too. */
export const differences: Readonly<Record<string, string>> = {
  'run in the foreground / docker run --network none --rm no-such-image:1 true': 'images are not pulled yet',
  'security / docker run --rm --network none --security-opt apparmor=nope bb true':
    'Docker says nothing if the kernel has no AppArmor; a profile that holds nothing back should be known of',
  'memory / docker run --rm --network none --kernel-memory 50m bb true':
    'Docker only says that the limit is deprecated; it has no effect on any kernel since 5.4, which ours says',
  'cp / docker cp cp:/d/f/x -':
    'Docker names the path on the host, which is no business of a client; ours is the path in the container',
  'dockerode: life of a container / dockerode kill of a stopped one':
    'Docker names the container as the client did, ours by its id, which is in the same sentence anyway',
  'dockerode: streams / dockerode attach to nothing':
    'Docker answers this one in plain text behind a head of its own; ours is JSON as everywhere',
  'dockerode: images / dockerode tag with a bad name':
    'a bad name is no failure of the server: 400, as in newer Docker',
  'dockerode: images / dockerode inspect nothing':
    'one sentence, as in newer Docker, and not the same one twice',
  'docker-py: mistakes / mistakes':
    'as with dockerode: 400 for a bad name, and one sentence for no such image',
  'volumes asked for wrongly / docker create --network none -v ff:/etc/passwd bb true':
    'Docker names the path on the host, which is no business of a client; ours is the path in the container',
  'volumes asked for wrongly / docker create --network none -v /etc/passwd bb true':
    'Docker names the path on the host, which is no business of a client; ours is the path in the container',
  "exec / docker exec --privileged exec sh -c 'grep CapEff /proc/self/status'":
    'Docker asks for all that the kernel knows, which the kernel refuses to a daemon that has not all itself; ours gives what it may',
}
