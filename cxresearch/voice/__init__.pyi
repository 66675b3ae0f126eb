# Names of this storey that do not stand in the root; read at run time by lazy_loader.
from .recovery.closed_loop import ClosedLoop as ClosedLoop
from .recovery.closed_loop import closed_loop as closed_loop
from .recovery.plan_trial import TrialPlan as TrialPlan
from .recovery.plan_trial import assign_trial as assign_trial
from .recovery.plan_trial import plan_trial as plan_trial
from .recovery.recovery import Recovery as Recovery
from .recovery.trial_analysis import TrialResult as TrialResult
from .recovery.trial_analysis import analyse_trial as analyse_trial
from .turning.turning_points_result import TurningPoints as TurningPoints
from .when.around_event_result import AroundEvent as AroundEvent
from .when.since_when_result import SinceWhen as SinceWhen
from .who.explain_change import ExplainedChange as ExplainedChange
from .who.group_search import GroupSearch as GroupSearch
from .who.unhappy_customers import UnhappyCustomers as UnhappyCustomers
