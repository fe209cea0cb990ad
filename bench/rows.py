# SPDX-License-Identifier: BSD-3-Clause
"""A row of the table: pairs of samples of the raw limit and of what is compared with it."""

import statistics
from dataclasses import asdict, dataclass, fields

from servers import Sample
from workloads import Workload

NOISY = 0.25    # spread of the pairs' ratios beyond which a row isn't judged


def median_of(samples):
    """A Sample of the medians; None where nothing was measured."""
    def median(name):
        values = [getattr(sample, name) for sample in samples]
        return None if None in values else statistics.median(values)
    return Sample(*(median(field.name) for field in fields(Sample)))


@dataclass
class Row:
    workload: Workload
    engines: str        # of the raw limit, the server's and the client's
    pairs: list         # of (limit's Sample, subject's Sample)

    @property
    def limit(self):
        return median_of([limit for limit, _ in self.pairs])

    @property
    def subject(self):
        return median_of([subject for _, subject in self.pairs])

    def ratios(self, metric):
        return [getattr(subject, metric) / getattr(limit, metric)
                for limit, subject in self.pairs if getattr(subject, metric)]

    def ratio(self, metric="iops"):
        """The median of the pairs' ratios."""
        return statistics.median(self.ratios(metric))

    def spread(self, metric="iops"):
        """How far apart the pairs' ratios are, as a part of their median; of five and more, but
        for the lowest and the highest."""
        ratios = sorted(self.ratios(metric))
        if len(ratios) >= 5:
            ratios = ratios[1:-1]
        return (ratios[-1] - ratios[0]) / statistics.median(ratios)

    @property
    def metric(self):
        """What counts in this row."""
        return self.workload.bar.metric if self.workload.bar else "iops"

    def verdict(self, rows):
        """"met 0.97", "missed 0.81", "too noisy 0.9", or nothing where there is no bar."""
        bar = self.workload.bar
        if not bar:
            return "noisy" if self.spread() > NOISY else ""
        ratio, spread = self.ratio(bar.metric), self.spread(bar.metric)
        if bar.of:
            other = rows.get(bar.of)
            if not other:
                return f"needs {bar.of}"
            ratio /= other.ratio(bar.metric)
            spread = max(spread, other.spread(bar.metric))
        if spread > NOISY:
            return f"too noisy {ratio:.2f}"
        return f"{'met' if bar.met(ratio) else 'missed'} {ratio:.2f}"

    def as_json(self, rows):
        workload = asdict(self.workload) | {"bar": str(self.workload.bar or "")}
        return {"workload": workload, "limit_engines": self.engines,
                "pairs": [{"limit": asdict(limit), "subject": asdict(subject)}
                          for limit, subject in self.pairs],
                "median": {"limit": asdict(self.limit), "subject": asdict(self.subject)},
                "ratio": {"iops": self.ratio(), "min": min(self.ratios("iops")),
                          "max": max(self.ratios("iops")),
                          "p50": self.ratio("p50") if self.ratios("p50") else None},
                "verdict": self.verdict(rows)}
