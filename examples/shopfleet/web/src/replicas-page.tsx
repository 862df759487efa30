import { useId, useMemo } from 'react'
import type { ReplicaAlert, ReplicasReport, ReplicaView, StandingView } from '../../src/api.ts'
import { Shop } from './shop.ts'
import { useReplicas } from './use-replicas.ts'

/** How the databases that serve reads stand, as each service sees them. */
export function ReplicasPage({ user }: { readonly user: string }) {
  const shop = useMemo(() => new Shop(user), [user])
  const { report, failure } = useReplicas(shop)
  return (
    <main className="replicas">
      <section aria-label="Replicas">
        <h2>Replicas</h2>
        <p className="quiet">
          A read goes to a replica that has all its session must see. One that falls too far behind is ejected
          until it has caught up, and the others or the primary serve its users.
        </p>
        {failure !== undefined && (
          <p role="alert" className="failure">
            {failure}
            {report !== undefined && ' What follows is older.'}
          </p>
        )}
        {report === undefined && failure === undefined && <p className="quiet">Asking …</p>}
        <div className="reports">
          {report?.services.map(({ service, copy, standing }) => (
            <Standing key={`${service} ${copy}`} name={nameOf(report, service, copy)} standing={standing} />
          ))}
        </div>
      </section>
      <Alerts report={report} />
    </main>
  )
}

function Standing({ name, standing }: { readonly name: string; readonly standing: StandingView | null }) {
  const title = useId()
  return (
    <section aria-labelledby={title} className="report">
      <h3 id={title}>{name}</h3>
      {standing === null ? (
        <p className="failure">This service does not answer.</p>
      ) : (
        <>
          <table>
            <thead>
              <tr>
                <th scope="col">Server</th>
                <th scope="col">Standing</th>
                <th scope="col">Behind</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <th scope="row">primary</th>
                <td>
                  <Badge {...primaryLook(standing.primaryReachable)} />
                </td>
                <td />
              </tr>
              {standing.replicas.map((replica) => (
                <tr key={replica.id}>
                  <th scope="row">{replica.id}</th>
                  <td>
                    <Badge {...LOOKS[replica.status]} />
                  </td>
                  <td className="lag">{lagText(replica)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p className="quiet">{readsText(standing)}</p>
        </>
      )}
    </section>
  )
}

function Alerts({ report }: { readonly report: ReplicasReport | undefined }) {
  const alerts = (report?.services ?? [])
    .flatMap(({ service, copy, standing }) =>
      (standing?.alerts ?? []).map((alert) => ({
        ...alert,
        of: report === undefined ? service : nameOf(report, service, copy),
      })),
    )
    .toSorted((a, b) => b.at.localeCompare(a.at))
  return (
    <aside>
      <section aria-label="Alerts">
        <h2>Alerts</h2>
        {alerts.length === 0 && <p className="quiet">None yet.</p>}
        <ol aria-live="polite">
          {alerts.map((alert, index) => (
            // Counted from the oldest, which keeps its place.
            <li key={`${alert.of} ${alert.id} ${alert.at} ${alert.kind} ${alerts.length - index}`}>
              <p className="row">
                <time dateTime={alert.at} className="quiet">
                  {new Date(alert.at).toLocaleTimeString('en-GB')}
                </time>
                <Badge {...ALERT_LOOKS[alert.kind]} />
              </p>
              <p>{alertText(alert, alert.of)}</p>
            </li>
          ))}
        </ol>
      </section>
    </aside>
  )
}

/** How a standing is shown: colour, sign and words say the same. */
interface Look {
  readonly kind: 'many' | 'few' | 'none' | 'unknown'
  readonly sign: string
  readonly text: string
}

function Badge({ kind, sign, text }: Look) {
  return (
    <span className={`badge ${kind}`}>
      <span aria-hidden="true">{sign}</span> {text}
    </span>
  )
}

const LOOKS: Readonly<Record<ReplicaView['status'], Look>> = {
  unknown: { kind: 'unknown', sign: '?', text: 'not asked yet' },
  healthy: { kind: 'many', sign: '✓', text: 'healthy' },
  lagging: { kind: 'few', sign: '▲', text: 'lagging' },
  slow: { kind: 'few', sign: '▲', text: 'slow' },
  disconnected: { kind: 'few', sign: '▲', text: 'cut off' },
  promoted: { kind: 'few', sign: '▲', text: 'promoted' },
  down: { kind: 'none', sign: '✕', text: 'down' },
}

function primaryLook(reachable: boolean | null): Look {
  if (reachable === null) return LOOKS.unknown
  return reachable
    ? { kind: 'many', sign: '✓', text: 'answers' }
    : { kind: 'none', sign: '✕', text: 'does not answer' }
}

const ALERT_LOOKS: Readonly<Record<ReplicaAlert['kind'], Look>> = {
  ejected: { kind: 'few', sign: '▲', text: 'ejected' },
  readmitted: { kind: 'many', sign: '✓', text: 'readmitted' },
  'primary-lost': { kind: 'none', sign: '✕', text: 'lost' },
  'primary-back': { kind: 'many', sign: '✓', text: 'back' },
}

function alertText({ kind, id, status, ...lag }: ReplicaAlert, of: string): string {
  if (kind === 'primary-lost') return `${of}: the primary does not answer`
  if (kind === 'primary-back') return `${of}: the primary answers again`
  const why = LOOKS[status].text
  return lag.lagMs === null ? `${of}: ${id} is ${why}` : `${of}: ${id} is ${why}, ${lagText(lag)} behind`
}

function readsText({ reads: { replicas, primary } }: StandingView): string {
  const total = replicas + primary
  return total === 0 ? 'No reads yet.' : `${replicas} of ${total} reads were served by replicas.`
}

function lagText({ lagMs, lagBytes }: Pick<ReplicaView, 'lagMs' | 'lagBytes'>): string {
  if (lagMs === null || lagBytes === null) return 'not known'
  const time = lagMs < 1_000 ? `${lagMs} ms` : `${(lagMs / 1_000).toFixed(1)} s`
  return `${time}, ${lagBytes < 1_000 ? `${lagBytes} B` : `${(lagBytes / 1_000).toFixed(1)} kB`}`
}

/** The number of a copy matters only where there are several. */
function nameOf({ services }: ReplicasReport, service: string, copy: number): string {
  return services.filter((other) => other.service === service).length === 1 ? service : `${service} ${copy}`
}
