package train

import (
	"fmt"
	"slices"

	"github.com/secateur/secateur/core/graph"
	"github.com/secateur/secateur/core/score"
	"github.com/secateur/secateur/pruning"
	"github.com/secateur/secateur/pruning/groups"
)

// BlockCut is a residual block that a turn took, and why it rather than filters.
type BlockCut struct {
	Name     string  `json:"name"`
	Fisher   float64 `json:"fisher"`  // of the logit margin by a gate on its branch
	Saved    int64   `json:"saved"`   // of what the budget counts
	Filters  float64 `json:"filters"` // fisher of the filters that would have gone instead
	Spared   int64   `json:"spared"`  // what they would have saved
	JudgedBy string  `json:"judged_by"`
	Loss     float64 `json:"loss"`     // of the judging images before: the loss, of a detector 1 less the average precision
	Without  float64 `json:"without"`  // and without it, before any training
	Accuracy float64 `json:"accuracy"` // without it, before any training
}

func (b *BlockCut) name() string {
	if b == nil {
		return ""
	}
	return b.Name
}

// sentence says why the block went; "" where filters did.
func (b *BlockCut) sentence(of pruning.Budget) string {
	if b == nil {
		return ""
	}
	return fmt.Sprintf("block %s went as a whole: it gives up %.3g of the margin's Fisher for %s of %s, the filters in its place %.3g for %s; %s %.3f with it, %.3f without it and untrained",
		b.Name, b.Fisher, of.Format(b.Saved), of.Of, b.Filters, of.Format(b.Spared), b.JudgedBy, b.Loss, b.Without)
}

// price is Fisher given up for what one unit of the budget saves.
func price(fisher float64, saved int64) float64 { return fisher / float64(max(saved, 1)) }

// candidate is a block that would go and what is left then.
type candidate struct {
	score.BlockWeight
	saved int64
}

// overshoot is how far below the budget a block may take the network.
const overshoot = 0.1

// blockCut drops the block that gives up least for what it saves, if that is less than the planned filters give up
// for what they save; nil where filters are the better coin.
func (j *job) blockCut(st *groups.Structure, p *pruning.Plan, costs func(*graph.Graph) (groups.Cost, error)) (*cut, error) {
	free := slices.DeleteFunc(groups.Blocks(j.net), func(b *groups.Block) bool {
		return b.Locked || j.pos.Prune.Pace.Locked[b.Name] || j.frozen(b.Inside[0])
	})
	if len(free) == 0 {
		return nil, nil
	}
	weights, err := j.scorer().WeighBlocks(j.net, free)
	if err != nil {
		return nil, err
	}
	best, err := j.cheapest(weights, costs)
	if err != nil || best == nil {
		return nil, err
	}
	filters, err := j.scorer().FisherOf(st, p.Remove)
	if err != nil {
		return nil, err
	}
	spared := j.Prune.Budget.Part(p.Before) - j.Prune.Budget.Part(p.After)
	if len(p.Decisions) > 0 && price(best.Fisher, best.saved) >= price(filters, spared) {
		return nil, nil
	}
	c := &cut{change: &groups.Change{}, worst: best.Block.Name, removed: inside(st, best.Block, best.Fisher),
		block: &BlockCut{Name: best.Block.Name, Fisher: best.Fisher, Saved: best.saved, Filters: filters, Spared: spared}}
	if c.net, err = j.scorer().ApplyBlock(j.net, best.BlockWeight); err != nil {
		return nil, err
	}
	return c, j.without(c)
}

// frozen reports whether a node lies in the frozen prefix.
func (j *job) frozen(n *graph.Node) bool {
	return j.pos.Cut != "" && n.ID <= j.net.Node(j.pos.Cut).ID
}

// cheapest is the block of the lowest price among those that do not lead far below the budget.
func (j *job) cheapest(weights []score.BlockWeight, costs func(*graph.Graph) (groups.Cost, error)) (best *candidate, err error) {
	now := j.Prune.Budget.Part(j.pos.Prune.Now)
	for _, w := range weights {
		g, err := groups.Drop(j.net, w.Block, w.Mean)
		if err != nil {
			return nil, err
		}
		left, err := costs(g)
		if err != nil {
			return nil, err
		}
		saved := now - j.Prune.Budget.Part(left)
		if saved <= 0 || float64(now-saved) < (1-overshoot)*float64(j.pos.Prune.Pace.Budget) {
			continue
		}
		if best == nil || price(w.Fisher, saved) < price(best.Fisher, best.saved) {
			best = &candidate{w, saved}
		}
	}
	return best, nil
}

// without is what the judges say of the network before and without the block.
func (j *job) without(c *cut) error {
	before, err := j.judge(j.net)
	if err != nil {
		return err
	}
	after, err := j.judge(c.net)
	if err != nil {
		return err
	}
	was, is := j.task.marks(before), j.task.marks(after)
	c.block.JudgedBy, c.block.Loss, c.block.Without, c.block.Accuracy = j.task.judgedBy(), was.loss, is.loss, is.accuracy
	return nil
}

// inside is a decision for every filter that goes with a block.
func inside(st *groups.Structure, b *groups.Block, fisher float64) (list []pruning.Decision) {
	for _, g := range b.Whole(st) {
		leaf := g.Producers[0].Weight
		for i, u := range g.Units {
			list = append(list, pruning.Decision{Group: g.Name, Unit: i, Leaf: leaf.Name, Filter: u.Indices(leaf, 0)[0], Criterion: score.DefaultAcross,
				Score: fisher, Rank: i, Of: len(g.Units), Allocator: "block", Block: b.Name})
		}
	}
	return list
}
