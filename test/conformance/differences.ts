/** What comes out differently on purpose: `<session> / <step>` and why. A difference that is gone has to go from here too. */
export const differences: Readonly<Record<string, string>> = {
  'run in the foreground / docker run --network none --rm no-such-image:1 true': 'images are not pulled yet',
  'security / docker run --rm --network none --security-opt apparmor=nope bb true':
    'Docker says nothing if the kernel has no AppArmor; a profile that holds nothing back should be known of',
  'memory / docker run --rm --network none --kernel-memory 50m bb true':
    'Docker only says that the limit is deprecated; it has no effect on any kernel since 5.4, which ours says',
  'cp / docker cp cp:/d/f/x -':
    'Docker names the path on the host, which is no business of a client; ours is the path in the container',
}
