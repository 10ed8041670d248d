/** Exec with the docker CLI, and with bare requests where the CLI asks for less than the API takes. */
import { docker, session, shell } from '../session.ts'

const run = 'run --network none -d'
const curl = `curl -s --unix-socket \${DOCKER_HOST#unix://}`
const request = `${curl} -w "\\n%{http_code}\\n"`
const json = `-H 'Content-Type: application/json'`
/** Without what differs by nature, the pid, and without the empty lines with which errors end. */
const plain = `sed 's/"Pid":[1-9][0-9]*/"Pid":<pid>/; /^$/d'`

/** Asks for `path` with a JSON body. */
const post = (path: string, body: string) =>
  shell(`${request} -X POST ${json} -d '${body}' http://d/v1.41/${path} | ${plain}`)

/** An exec of the container by that name, made by a bare request, is `$id` in `line`. */
const withExec = (name: string, body: string, line: string) =>
  shell(
    `id=$(${curl} -X POST ${json} -d '${body}' http://d/v1.41/containers/${name}/exec | cut -d'"' -f4); { ${line}; } | ${plain}`,
  )

const inspect = `${request} http://d/v1.41/exec/$id/json`
const start = (body: string) => `${request} -X POST ${json} -d '${body}' http://d/v1.41/exec/$id/start`
const eventsOf = (name: string) =>
  `docker events --since 1h --until $(date +%s.%N) --filter container=${name} --format '{{.Action}} {{json .Actor.Attributes}}'`

export const exec = [
  session(
    'exec',
    docker(`${run} --name exec -e A=1 -w /tmp bb sleep 1000`),
    docker(`exec exec sh -c 'echo out; echo err >&2; exit 9'`),
    docker(`exec exec pwd`),
    docker(`exec -e B=2 exec sh -c 'echo $A $B'`),
    docker(`exec -e A=3 -e C exec env`),
    docker(`exec -w /etc exec pwd`),
    docker(`exec -u app exec id`),
    docker(`exec -u 1000:2000 exec id`),
    docker(`exec -i exec cat`, 'through\n'),
    docker(`exec exec cat`, 'not passed on\n'),
    docker(`exec -t exec tty`),
    docker(`exec exec no-such-command`),
    docker(`exec exec /etc`),
    docker(`exec -u nobody-knows exec true`),
    docker(`exec -w relative exec true`),
    docker(`exec -w /not/there exec pwd`),
    docker(`exec -d exec touch /tmp/made`),
    docker(`exec -d exec no-such-command`),
    shell('sleep 0.5; docker exec exec ls /tmp/made'),
    docker(`exec --privileged exec sh -c 'grep CapEff /proc/self/status'`),
    docker(`exec exec sh -c 'kill -9 $$'`),
    docker(`exec gone true`),
    docker('kill exec'),
    docker(`exec exec true`),
    docker('rm exec'),
  ),
  session(
    'exec of a container that never ran, and of one that runs anew',
    docker('create --network none --name asleep bb sleep 1000'),
    docker('exec asleep true'),
    docker('start asleep'),
    docker('exec asleep true'),
    withExec(
      'asleep',
      '{"Cmd":["true"]}',
      `docker restart -t 0 asleep; ${inspect} | sed s/$id/ID/; ${start('{}')} | sed s/$id/ID/`,
    ),
    docker('rm -f asleep'),
  ),
  session(
    'exec of a paused container',
    docker(`${run} --name asleep bb sleep 1000`),
    withExec('asleep', '{"Cmd":["true"]}', `docker pause asleep; ${start('{}')}; ${inspect}`),
    docker('exec asleep true'),
    docker('unpause asleep'),
    docker('exec asleep true'),
    docker('rm -f asleep'),
  ),
  session(
    'exec ends with its container',
    docker(`${run} --name ending bb sleep 1000`),
    shell('(sleep 0.7; docker kill ending) & docker exec ending sleep 1000; echo $?; wait'),
    docker('start ending'),
    shell('(sleep 0.7; docker stop -t 0 ending) & docker exec ending sleep 1000; echo $?; wait'),
    shell(`sleep 0.3; ${eventsOf('ending')} | grep -v 'exec_create\\|kill'`),
    docker('rm ending'),
  ),
  session(
    'messages of exec',
    docker(`${run} --name told --label tier=front bb sleep 1000`),
    docker(`exec told sh -c 'exit 3'`),
    docker('exec -d told true'),
    docker('exec told no-such-command'),
    shell(`sleep 0.5; ${eventsOf('told')}`),
    docker('rm -f told'),
  ),
  session(
    'exec by bare requests',
    docker(`${run} --name bare bb sleep 1000`),
    post('containers/bare/exec', '{"Cmd":[]}'),
    post('containers/bare/exec', '{}'),
    post('containers/bare/exec', '{"Cmd":["true"],"DetachKeys":"ctrl-1"}'),
    post('containers/gone/exec', '{"Cmd":["true"]}'),
    shell(`${request} -X POST -d '{}' http://d/v1.41/containers/bare/exec | ${plain}`),
    post('exec/gone/start', '{}'),
    shell(`${request} -X POST 'http://d/v1.41/exec/gone/resize?h=1&w=1' | ${plain}`),
    shell(`${request} http://d/v1.41/exec/gone/json | ${plain}`),
    withExec('bare', '{"Cmd":["true"]}', inspect),
    withExec(
      'bare',
      '{"Cmd":["sh","-c","exit 4"],"User":"app","Privileged":true,"Tty":true,"AttachStdout":true,"DetachKeys":"ctrl-a,b"}',
      inspect,
    ),
    withExec(
      'bare',
      '{"Cmd":["sh","-c","exit 4"]}',
      `${start('{"Detach":true}')}; sleep 0.5; ${inspect}; ${start('{"Detach":true}')}`,
    ),
    withExec(
      'bare',
      '{"Cmd":["sleep","1000"]}',
      `${start('{"Detach":true}')}; ${start('{}')} | tr -d '\\000-\\011\\013-\\037'; ${inspect}; docker inspect --format '{{len .ExecIDs}}' bare`,
    ),
    withExec('bare', '{"Cmd":["true"]}', `${start('{"Detach":true')} -o /dev/null; ${inspect}`),
    withExec(
      'bare',
      '{"Cmd":["true"]}',
      `${request} -X POST -d '{}' http://d/v1.41/exec/$id/start; ${inspect}`,
    ),
    withExec(
      'bare',
      '{"Cmd":["sh","-c","echo out; sleep 0.2; echo err >&2"],"AttachStdout":true,"AttachStderr":true}',
      `${curl} -X POST ${json} -d '{}' http://d/v1.41/exec/$id/start | od -c`,
    ),
    withExec(
      'bare',
      '{"Cmd":["sh","-c","echo out; sleep 0.2; echo err >&2"],"AttachStdout":true,"AttachStderr":true}',
      `${curl} -X POST ${json} -d '{"Tty":true}' http://d/v1.41/exec/$id/start | od -c`,
    ),
    withExec('bare', '{"Cmd":["no-such-command"]}', `${start('{"Detach":true}')}; ${inspect}`),
    docker('rm -f bare'),
  ),
  session(
    'exec at a terminal',
    docker(`${run} --name tty bb sleep 1000`),
    shell(
      `script -qec 'docker exec -it tty sh -c "tty; echo done"' /dev/null </dev/null | tr -d '\\r\\000^@'`,
    ),
    shell(
      `(sleep 1; printf 'one\\n'; sleep 0.5; printf '\\020\\021'; sleep 1) | script -qec 'docker exec -it tty cat' /dev/null | tr -d '\\r'`,
    ),
    shell(
      `(sleep 1; printf 'two\\n'; sleep 0.5; printf 'xy'; sleep 1) | script -qec 'docker exec --detach-keys x,y -it tty cat' /dev/null | tr -d '\\r'`,
    ),
    docker('exec -it tty true', ''),
    shell(`${eventsOf('tty')} | sed 's/ .*//' | sort | uniq -c`),
    docker('rm -f tty'),
  ),
] as const
