/** Planted bugs in what operators and clients touch. */
const unit = (file, test) => ({ project: 'unit', file, test });

export const surfaceMutants = [
  {
    name: 'surface: a dry run of a handover hands over',
    rule: 'surface',
    file: 'apps/region/api/strong.ts',
    find: 'if (dryRun) return planHandover(shard, to);',
    replace: 'if (dryRun && shard < 0) return planHandover(shard, to);',
    caughtBy: unit('apps/region/http/strong.spec.ts', 'is written, read and compared in any region'),
  },
  {
    name: 'surface: nothing is audited before it is done',
    rule: 'surface',
    file: 'apps/region/api/audit.ts',
    find: 'if (!asked.dryRun) audit({',
    replace: 'if (asked.dryRun) audit({',
    caughtBy: unit('apps/region/http/access.spec.ts', 'names in the audit'),
  },
  {
    name: 'surface: every page of conflicts begins with the newest',
    rule: 'surface',
    file: 'apps/region/api/reports.ts',
    find: '...(after === undefined ? {} : { after: readPlace(after) }),',
    replace: '...(after === undefined || readPlace(after).id !== "" ? {} : { after: readPlace(after) }),',
    caughtBy: unit('apps/cli/commands/commands.spec.ts', 'begins with the newest, and goes on'),
  },
  {
    name: 'surface: nobody asks who vouches for a broker',
    rule: 'surface',
    file: 'libs/io/kafka/cluster.ts',
    find: '...(ca === undefined ? {} : { ca: [ca] }),',
    replace: '...(ca === undefined ? { rejectUnauthorized: false } : { ca: [ca] }),',
    caughtBy: unit('libs/io/kafka/security.spec.ts', 'is told nothing where nobody vouches for it'),
  },
];
