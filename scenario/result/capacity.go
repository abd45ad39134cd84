package result

// Capacity is the result of a search for the highest load that keeps the checks. Its trials are the
// cells of the run.
type Capacity struct {
	Raise     string  `json:"raise"` // the raised key: groups.viewers.count
	Unit      string  `json:"unit"`  // of the levels: "" a count, "/s", "B", or "%" for a share of the load where 1 is 100 %
	From      float64 `json:"from"`
	To        float64 `json:"to"`        // the highest level that was allowed
	Precision float64 `json:"precision"` // the share of Low that the ends were to be within
	Confirm   int     `json:"confirm"`   // trials that confirm an end
	TrialS    float64 `json:"trial_s"`   // recorded part of a probe
	ConfirmS  float64 `json:"confirm_s"` // recorded part of a confirming trial
	BudgetS   float64 `json:"budget_s,omitempty"`

	// End says how the search came to its answer.
	End string `json:"end" words:"found|at least|below|generator|budget|noisy|open"`
	// the highest level that was confirmed to hold, or without LowConfirmed is taken to; 0: none
	Low           float64 `json:"low"`
	LowConfirmed  bool    `json:"low_confirmed"`
	High          float64 `json:"high"` // the lowest level above that broke; 0: none did. With End "generator" the one that could not be judged
	HighConfirmed bool    `json:"high_confirmed"`
	Split         int     `json:"split,omitempty"` // levels between them that many trials left open
	// share 0..1 of trials that come out the other way round, as estimated
	Noise     float64 `json:"noise,omitempty"`
	TookS     float64 `json:"took_s"`
	Invalid   int     `json:"invalid"`              // trials of the search that were invalid
	LimitedBy string  `json:"limited_by,omitempty"` // why this machine allows no level above To

	// PlanFor is a load to plan nodes for, in Unit; 0: none was asked for. Spare is how many of
	// them may fail at once.
	PlanFor float64 `json:"plan_for,omitempty"`
	Spare   int     `json:"spare,omitempty"`

	Probes []Probe `json:"probes"` // in the order they ran
}

// Probe is one trial of a search.
type Probe struct {
	Level   float64 `json:"level"`
	Kind    string  `json:"kind" words:"probe|confirm|curve"` // curve: after the answer
	Verdict string  `json:"verdict" words:"held|broke|invalid"`
	Reason  string  `json:"reason,omitempty"` // the check that broke
	TookS   float64 `json:"took_s"`
	// place of its cell in the run, from 1; 0: its result is lost
	Cell int    `json:"cell,omitempty"`
	Dir  string `json:"dir,omitempty"` // of its own result, relative to the run's
}

// ParamLevel is the parameter of a cell that holds the level of its trial, as a scenario file
// writes it.
const ParamLevel = "level"
