/** What one looks after containers with: what they use, their processes, signals, names, waiting for them, and removing what is left. */
import { docker, session, shell } from '../session.ts'

const run = 'run --network none'

/** What the API answers, as jq sees it. */
const ask = (method: string, path: string, filter = '.') =>
  shell(
    `curl -s -X ${method} --unix-socket "\${DOCKER_HOST#unix://}" 'http://d/v1.41${path}' | jq -cS '${filter}'`,
  )

const status = (method: string, path: string) =>
  shell(
    `curl -s -o /dev/null -w '%{http_code} %{content_type}' --max-time 5 -X ${method} --unix-socket "\${DOCKER_HOST#unix://}" 'http://d/v1.41${path}'`,
  )

const names = '[paths | map(tostring) | join(".")]'
const times = '[.read, .preread] | map(startswith("0001-"))'

/** The newest messages, once the second in which the CLI sees their end is over. */
const told = (filters: string, newest: number, format = '{{.Type}} {{.Action}} {{json .Actor.Attributes}}') =>
  shell(`sleep 1.1; docker events --since 2m --until 0s ${filters} --format '${format}' | tail -n ${newest}`)

export const upkeep = [
  session(
    'stats',
    docker(`${run} -d --name stats -m 64m --pids-limit 50 bb sleep 1000`),
    docker(`create --network none --name idle bb`),
    docker('stats --no-stream --format {{.Name}}|{{.PIDs}}|{{.NetIO}} stats'),
    shell(`docker stats --no-stream --format '{{.MemUsage}}' stats | cut -d/ -f2`),
    docker(
      'stats --no-stream --format {{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.MemPerc}}|{{.BlockIO}}|{{.PIDs}} idle',
    ),
    shell(`docker stats --no-stream --all --format '{{.Name}}' | sort`),
    docker('stats --no-stream gone'),
    ask('GET', '/containers/stats/stats?stream=0', names),
    ask('GET', '/containers/stats/stats?stream=0', times),
    ask('GET', '/containers/stats/stats?stream=0&one-shot=1', names),
    ask('GET', '/containers/stats/stats?stream=0&one-shot=1', times),
    ask(
      'GET',
      '/containers/stats/stats?stream=0',
      '[.pids_stats, .memory_stats.limit, .cpu_stats.online_cpus, .num_procs, .name]',
    ),
    ask('GET', '/containers/idle/stats?stream=0', 'del(.id)'),
    ask('GET', '/containers/idle/stats?stream=0&one-shot=1', 'del(.id)'),
    ask('GET', '/containers/stats/stats?one-shot=1'),
    ask('GET', '/containers/gone/stats'),
    status('GET', '/containers/stats/stats?stream=0'),
    status('GET', '/containers/stats/stats'),
    shell(
      `docker stats --format '{{.Name}}' stats | head -c 400 >/dev/null & sleep 2; kill %1; docker rm -f stats idle`,
    ),
  ),
  session(
    'processes by ps',
    docker(`${run} -d --name ps bb sh -c 'sleep 1000; true'`),
    shell(`sleep 0.5; docker top ps -o pid,comm | awk '{ print $2 }'`),
    shell(`docker top ps | awk '{ print $1, $NF }'`),
    shell(`docker top ps aux | awk '{ print $1, NF }'`),
    docker('top ps -o args'),
    docker('top ps -o args=PID'),
    shell(`docker top ps -o pid=PID,args | awk '{ print NF }'`),
    docker('top ps --nonsense'),
    shell(`docker top ps -ef f | wc -l`),
    shell(`docker top ps -m -o pid,comm | awk '{ print $2 }'`),
    docker('top gone'),
    docker('top gone -o args=PID'),
    docker('kill ps'),
    docker('top ps'),
    told('--filter event=top', 6),
    docker('rm ps'),
  ),
  session(
    'signals',
    docker(`${run} -d --name signals bb sh -c 'trap "echo usr" USR1; while :; do sleep 0.1; done'`),
    ...['USR1', 'sigusr1', '10', 'SIGRTMIN+3', 'RTMAX-2', 'cont'].map((name) =>
      docker(`kill -s ${name} signals`),
    ),
    ...['0', '9x', 'SIGWHAT', 'RTMIN+x', '99'].map((name) => docker(`kill -s ${name} signals`)),
    docker('kill -s 99 gone'),
    docker('kill gone'),
    docker('inspect --format {{.State.Running}} signals'),
    docker('kill signals'),
    docker('kill signals'),
    docker('kill -s SIGWHAT signals'),
    told('--filter container=signals --filter event=kill', 20, '{{.Actor.Attributes.signal}}'),
    docker('rm signals'),
  ),
  session(
    'stop in time',
    docker(
      `${run} -d --name prompt --stop-signal USR2 bb sh -c 'trap "exit 6" USR2; while :; do sleep 0.1; done'`,
    ),
    shell('sleep 0.5; docker stop -t -1 prompt'),
    docker('inspect --format {{.State.ExitCode}} prompt'),
    docker('stop prompt'),
    docker(`${run} -d --name deaf --stop-signal USR2 bb sleep 1000`),
    docker('stop -t 0 deaf'),
    docker('inspect --format {{.State.ExitCode}} deaf'),
    docker('stop gone'),
    told('--filter container=prompt', 20, '{{.Action}}'),
    told('--filter container=deaf', 20, '{{.Action}}'),
    docker('rm prompt deaf'),
  ),
  session(
    'rename',
    docker('create --network none --name first bb'),
    docker('create --network none --name second bb'),
    docker('rename first second'),
    docker('rename first first'),
    docker('rename first -bad'),
    docker('rename first x'),
    docker('rename gone other'),
    docker('rename gone -bad'),
    ask('POST', '/containers/first/rename'),
    ask('POST', '/containers/first/rename?name=/first'),
    ask('POST', '/containers/gone/rename?name='),
    docker('rename first third'),
    docker('rename third /fourth'),
    docker('rm first'),
    told('--filter event=rename', 2),
    docker('rm second fourth'),
  ),
  session(
    'wait',
    docker(`${run} -d --name waited bb sh -c 'sleep 1; exit 4'`),
    ask('POST', '/containers/waited/wait?condition=next-exit'),
    ask('POST', '/containers/waited/wait'),
    ask('POST', '/containers/waited/wait?condition=not-running'),
    ask('POST', '/containers/gone/wait?condition=removed'),
    docker('wait waited gone'),
    shell(
      `curl -s -X POST --unix-socket "\${DOCKER_HOST#unix://}" http://d/v1.41/containers/waited/wait?condition=removed | jq -cS . & sleep 0.5; docker rm waited; wait`,
    ),
    docker('wait waited'),
    docker(`${run} --rm --name brief -d bb sh -c 'sleep 1; exit 3'`),
    ask('POST', '/containers/brief/wait?condition=removed'),
    docker('inspect brief'),
  ),
  session(
    'container prune',
    docker('create --network none --name old --label keep=yes --label a bb'),
    docker(`${run} -d --name busy bb sleep 1000`),
    docker(`${run} --name ended bb sh -c 'echo hello > /file'`),
    docker('container prune -f --filter label=other'),
    docker('container prune -f --filter until=1h'),
    docker('container prune -f --filter until=2020-01-01'),
    docker('container prune -f --filter until=x'),
    docker('container prune -f --filter until=1h --filter until=2h'),
    docker('container prune -f --filter nonsense=1'),
    docker('container prune -f --filter label!=keep'),
    shell(`docker ps -a --format '{{.Names}}' | sort`),
    docker('container prune -f --filter label=keep=yes --filter until=1ms'),
    docker('container prune -f'),
    shell(`docker ps -a --format '{{.Names}}' | sort`),
    told('--filter event=prune', 6),
    docker('rm -f busy'),
  ),
  session(
    'system',
    docker('create --network none --name kept bb'),
    docker('system df'),
    shell(`docker system df -v | tr -s ' '`),
    ask('GET', '/system/df', '[.Containers[0].SizeRootFs == .LayersSize, .Volumes, .BuilderSize]'),
    docker('rm kept'),
    docker('network prune -f'),
    docker('image prune -f'),
    docker('image prune -f --filter nonsense=1'),
    docker('image prune -f --filter dangling=x'),
    docker('builder prune -f'),
    docker('system prune -f'),
    docker('system prune -f --filter until=1h'),
    docker('system prune -f --filter label=x'),
    docker('system prune -f --filter nonsense=1'),
    docker('commit gone'),
    docker('create --network none --name made bb'),
    docker(`commit -c 'LABEL made=yes' made`),
    docker('commit -c LABEL=made2 made named:1'),
    docker('rm made'),
    docker('image prune -f --filter label=made'),
    docker('image prune -f'),
    docker('image prune -af --filter label=LABEL'),
    shell(`docker images --format '{{.Repository}}:{{.Tag}}'`),
  ),
] as const
