"""What every key of an experiment's file means, in a sentence: for editors, and for whoever asks.

By table as the JSON Schema has them, and key. `harness.experiment.written.schema` puts each where
its key is; a key without a description, and a description without its key, fail a test.
"""

from __future__ import annotations

DESCRIPTIONS: dict[str, dict[str, str]] = {
    "Experiment": {
        "name": "Names the run's folder: letters, digits, '_', '.' and '-'.",
        "seed": "Everything that is drawn follows from it: the same seed gives the same faults.",
        "cycles": "Cycles of every condition that says none for itself.",
        "budget": "What all conditions share, in place of cycles for each.",
        "confidence": "With which all verdicts of the experiment hold together.",
        "question": "What the experiment asks; reports open with it.",
        "conditions": "What is measured, one [[conditions]] each.",
        "calibrations": "Rates to be solved for before the first cycle, by name.",
        "rows": "Rows of the table claimed / measured / verdict, one [[rows]] each.",
        "defaults": "What every condition has that does not say otherwise.",
    },
    "Condition": {
        "name": "Names the condition in reports and in --condition.",
        "cycles": "Cycles of this condition.",
        "demands": 'What counts as clean: "rows" (rows, schema, settings) or "exact" '
        "(sequences as well, which no cleanup by DELETE puts back).",
        "policy": "When to restore: never, always, when the cleanup reports a failure "
        "(hybrid_trusting), or when verification finds a difference (hybrid_verified).",
        "recoveries": "Ways to back up and to restore, tried in this order; "
        "'harness list recovery'.",
        "cleanup": "How the test data is deleted: a name of 'harness list cleanup'; of a project "
        "also a command, 'package.module:function', a list of SQL statements, or \"none\".",
        "connection": "What the application does with its connection: closed before the guard "
        "looks, held open, or in a backend that is asked over HTTP.",
        "busy_timeout_ms": "How long statements wait for another's lock, in milliseconds; 2, and "
        "1000 for a project.",
        "workload": "The baseline and the test data of the built-in platform.",
        "project": "A database and commands of your own, in place of the workload.",
        "retry": "How often the application tries again, and how long it waits between.",
        "api": 'How long client and backend wait, where connection = "backend".',
        "story": "Keep the whole story of each cycle: every step, fault and answer.",
        "strikes": "Faults that strike in every cycle where they are told to.",
        "causes": "What makes several faults strike in the same cycles, by name.",
        "faults": "Faults that strike by chance, by name; 'harness list faults'.",
        "claims": "What is to be proven, as \"reliability >= 0.999\"; 'harness list measures'.",
        "shadow": "Of the cycles that need no restore, the share that is run once more with one.",
        "strata": "Run cycles with a set number of faults, for curves over the rate.",
        "each": "Multiplies the condition: a list of values, or { from, to, points, scale }, for "
        'each dotted key; "faults.*.rate" is the rate of every fault.',
    },
    "FaultSetting": {
        "rate": "The chance of each opportunity, 0 to 1; or { set_by = calibration, times = 1 }.",
        "lasting": 'How long it holds: "attempt", "phase" or "cycle"; or shares of them that '
        "add up to 1.",
        "phases": "Phases it strikes in; left out: those that the fault itself says.",
        "burst": "Mean length of a run of struck requests, for faults of the network.",
    },
    "SetBy": {
        "set_by": "The calibration that solves for the rate.",
        "times": "A factor on the rate that it finds.",
    },
    "CauseSetting": {
        "rate": "The share of cycles in which the cause strikes, 0 to 1.",
        "faults": "The faults that strike together then.",
        "lasting": 'How long each of them holds: "attempt", "phase" or "cycle"; or shares.',
        "phases": "Phases in which they strike.",
    },
    "StrikeSetting": {
        "fault": "The fault; 'harness list faults'.",
        "phase": "The phase in which it strikes.",
        "on": "What it strikes: a table of the test data, or a recovery.",
        "number": "Which row of that table, counted from 1 in the order they were made.",
        "attempts": 'Which attempts it strikes, counted from 1, or "all".',
        "lasting": 'How long it holds: "attempt", "phase" or "cycle".',
    },
    "WorkloadSetting": {
        "kind": "The built-in platform, or a workload of your own; 'harness list workloads'.",
        "test_data": "Which test data a cycle makes.",
        "size_bytes": "Size of the database to begin with, in bytes.",
        "journal_mode": "The journal mode of the database.",
    },
    "RetrySetting": {
        "attempts": "How often an operation is tried in all.",
        "first_ms": "Wait before the second attempt, in milliseconds.",
        "factor": "Each further wait is so many times as long.",
        "longest_ms": "No wait is longer, in milliseconds.",
        "jitter": "The share of each wait that is drawn by chance, 0 to 1.",
    },
    "ApiSetting": {
        "timeout_ms": "How long the client waits for an answer, in milliseconds.",
        "backend_busy_timeout_ms": "How long the backend waits for the database's lock, in "
        "milliseconds.",
    },
    "ProjectSetting": {
        "database": "The path of your database, relative to this file; cycles run on copies.",
        "create": 'What makes the test data: "auto" (rows for any schema), a command, '
        "'package.module:function', or a list of SQL statements.",
        "test": "What runs after create: the tests themselves.",
        "rows": 'Rows of each table that create = "auto" makes.',
        "tables": 'For create = "auto": only these tables and what they refer to.',
        "timeout_s": "How long each command may take, in seconds.",
        "backend": "Your own backend, which is started on the copy and struck by faults.",
    },
    "BackendSetting": {
        "start": "The command that starts it.",
        "ready": 'How to know that it is ready: a path that answers below 500, "port", or '
        '"log: REGEX" for a line of its output.',
        "ready_timeout_s": "How long that may take, in seconds.",
        "port_variable": "The environment variable that tells it its port.",
        "requests": "Requests of a phase that faults may strike.",
    },
    "BudgetSetting": {
        "cycles": "Cycles of all conditions together.",
        "seconds": "Length of the whole run, calibrations included.",
        "first": "Conditions that are served before all others, in this order.",
    },
    "StrataSetting": {
        "cycles": "Cycles of all strata that are sampled.",
        "enumerate": "Every set of up to so many struck slots is run, not drawn.",
        "repeats": "How often each of those sets is run, to see that it ends alike.",
        "pilot": "Cycles a stratum that only decide how the others are spread.",
        "lowest_rate": "The lowest rate of the curve.",
        "highest_rate": "The highest rate of the curve.",
        "unstruck": "Further cycles without any fault, none of which may fail.",
    },
    "Calibration": {
        "target": "The share of cycles that is to end clean, between 0 and 1.",
        "condition": "The condition that is to reach it.",
        "cycles": "Cycles to solve for the rate with.",
    },
    "ClaimsRow": {
        "claim": "What is claimed, in words.",
        "claimed": "The figure that is claimed, as it is to be shown.",
        "condition": "The condition that measures it; left out: nothing here does.",
        "measure": "What is counted; 'harness list measures'.",
        "at_least": "The share that the measure must reach: with it the row is a claim.",
        "at_most": "The share that it must not pass, beside at_least.",
        "set_point": "The rate was solved for so that it comes out so: no claim.",
        "control": "Shows that the instrument sees what it must: no claim.",
        "note": "A remark that is printed with the row.",
    },
    "Spaced": {
        "from": "The first value.",
        "to": "The last value.",
        "points": "How many values.",
        "scale": "How they are spaced.",
    },
}

__all__ = ["DESCRIPTIONS"]
