"""What every room stands on: people, roles, the branch tree, row scope, audit, parameters."""
