"""What a bank hands over, from files to a home's tables.

* `contracts`: the tables, their fields, what each means and who may use it.
* `readers`: Parquet, CSV and databases. `load`: checks, quarantine, numbers, arranged tables.
* `home`: the folder all of it is kept in. `arranged`: what its tables look like to engines.
* `sample`: a sample bank with known truth. `adapters`: real data in another form.
"""
